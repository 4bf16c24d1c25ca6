// What of the shell's environment a platform's program gets: its own settings and what any program needs, and none of the
// service's secrets, which it could print or send along.
type Environment = Readonly<Record<string, string | undefined>>;

/** What finds programs, folders, the network and the keyring, on every system; not FORCE_COLOR: their output is read. */
const ANY_PROGRAM =
  /^(PATH|PATHEXT|HOME|HOMEDRIVE|HOMEPATH|USER|USERNAME|USERPROFILE|LOGNAME|SHELL|COMSPEC|SYSTEMROOT|WINDIR|APPDATA|LOCALAPPDATA|PROGRAMFILES|PROGRAMDATA|TMPDIR|TMP|TEMP|TZ|TERM|LANG|LANGUAGE|LC_\w+|XDG_\w+|DBUS_SESSION_BUS_ADDRESS|CI|NO_COLOR|HTTPS?_PROXY|ALL_PROXY|NO_PROXY|NODE_EXTRA_CA_CERTS|NODE_OPTIONS|SSL_CERT_(FILE|DIR)|NPM_CONFIG_(REGISTRY|CACHE|USERCONFIG|PREFIX|OFFLINE|PREFER_OFFLINE))$/i;

const OWN = {
  wrangler: /^(CLOUDFLARE|CF|WRANGLER)_/,
  supabase: /^SUPABASE_/,
  vercel: /^VERCEL_/,
} as const;

/** The part of the environment that a program may see: of a platform, or any other. */
export function cliEnvironment(
  name: keyof typeof OWN | undefined,
  environment: Environment,
): Record<string, string> {
  const own = name && OWN[name];
  const known = Object.entries(environment).flatMap(([key, value]) =>
    value !== undefined && (ANY_PROGRAM.test(key) || own?.test(key)) ? [[key, value] as const] : [],
  );
  return Object.fromEntries(known);
}
