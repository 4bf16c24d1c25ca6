// Runs in Deno: the functions of a folder, and before them what Supabase's gateway does. Every other path is the API's
// own, as a front before Supabase hands it on: it goes to `api`, whose application knows them all, so that one isolate
// answers as on the other targets. What is not published at Supabase, such a front answers itself.
const [folder = '', port] = Deno.args;
const PREFIX = '/functions/v1';

/** On what it answers itself: the name of a header that our application uses too. */
const OF_GATEWAY = { 'X-Served-By': 'supabase-edge-runtime' };

const UNPUBLISHED = ['/docs', '/openapi.json', '/auth/denied'];

/** @type {Map<string, (request: Request, info: Deno.ServeHandlerInfo) => Response | Promise<Response>>} */
const handlers = new Map();
const serve = Deno.serve;
for (const { name } of [...Deno.readDirSync(new URL(folder))].sort((one, other) =>
  one.name < other.name ? -1 : 1,
)) {
  if (name.startsWith('_') || name.startsWith('.')) continue;
  // A function serves where its platform tells it to; here it hands its handler over instead.
  Deno.serve = (...args) => {
    const last = args.at(-1);
    handlers.set(name, typeof last === 'function' ? last : last.handler);
  };
  await import(new URL(`${name}/index.js`, folder).href);
}

const { createIsolate } = await import(new URL('_shared/app.js', folder).href);
const pages = createIsolate({
  target: 'supabase',
  environment: Deno.env.toObject(),
  clientIp: (request) => request.headers.get('cf-connecting-ip'),
});
const front = (request) => pages.fetch(request, () => {});

serve({ hostname: '127.0.0.1', port: Number(port), onListen }, (request, info) => {
  // No Request can be made of it: the platform refuses it itself.
  if (request.method === 'TRACE') return new Response(null, { status: 405, headers: OF_GATEWAY });
  const url = new URL(request.url);
  if (!url.pathname.startsWith(`${PREFIX}/`)) {
    const isOfFront = UNPUBLISHED.includes(url.pathname.replace(/(?<=.)\/$/, ''));
    return (isOfFront ? front : handlers.get('api'))(atEdge(request, url, info), info);
  }
  if (request.method === 'HEAD') return new Response(null, { status: 405, headers: OF_GATEWAY });
  url.pathname = url.pathname.slice(PREFIX.length);
  const handler = handlers.get(url.pathname.split('/')[1] ?? '');
  if (handler) return handler(atEdge(request, url, info), info);
  return Response.json(
    { code: 'NOT_FOUND', message: 'Requested function was not found' },
    { status: 404, headers: OF_GATEWAY },
  );
});

/**
 * The request as a function sees it: the address of the client in the header that the platform sets.
 * @param {Request} request @param {URL} url @param {Deno.ServeHandlerInfo} info
 */
function atEdge(request, url, info) {
  const headers = new Headers(request.headers);
  headers.set('cf-connecting-ip', info.remoteAddr.hostname);
  const { method, body, signal } = request;
  return new Request(url, { method, headers, body, signal, redirect: 'manual' });
}

/** @param {{ port: number }} address */
function onListen({ port: found }) {
  console.log(JSON.stringify({ event: 'listen', port: found }));
}
