// Whether the database refused a row, so that the others may be tried without it, or is itself in trouble.

/** The SQLSTATE or the system's code of an error; its message is not used, since it may quote what was sent. */
export function codeOf(error: unknown): string {
  for (const each of [error, error instanceof Error ? error.cause : undefined]) {
    const code: unknown = each instanceof Error ? Reflect.get(each, 'code') : undefined;
    if (typeof code === 'string') return code;
  }
  return error instanceof Error ? error.name : 'unknown';
}

/** Classes of SQLSTATE that tell of the data: its form, a rule, a limit, or what a trigger raised. */
const OF_THE_DATA = /^(22|23|54|P0|21|44)[0-9A-Z]{3}$/;

/** True when sending the same again cannot help, and sending less may. */
export function isOfTheData(error: unknown): boolean {
  return OF_THE_DATA.test(codeOf(error));
}
