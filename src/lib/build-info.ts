// What this build is. A bundle gets its commit from the build; run from source it is 'development'.
declare const BUILD_COMMIT: string | undefined;

export const SERVICE = 'mmc-mms';

/** Equal to package.json's version; a test keeps it so. */
export const VERSION = '0.1.0';

/** The migration this build expects: the last of drizzle/meta/_journal.json; a test keeps it so. */
export const SCHEMA_VERSION = '0027_repeated_writes';

export const COMMIT = typeof BUILD_COMMIT === 'string' ? BUILD_COMMIT : 'development';
