// The same table as one page for people: no script, nothing loaded from anywhere.
import type { Endpoint } from './api-description/endpoint.ts';
import { errorsOf, FAMILIES, SHAPES, VALUES } from './api-description.ts';
import { COMMIT, SERVICE, VERSION } from './build-info.ts';
import { ERRORS } from './errors.ts';

const STYLE = `
:root{color-scheme:light dark;--line:#8884;--soft:#8881}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1,h2{line-height:1.2}
nav a{margin-inline-end:1rem}
details{border:1px solid var(--line);border-radius:.5rem;margin:.4rem 0;padding:.4rem .8rem}
summary{cursor:pointer}
code,pre{font:14px/1.5 ui-monospace,monospace;overflow-wrap:anywhere}
pre{background:var(--soft);border-radius:.4rem;padding:.6rem;white-space:pre-wrap;margin:.3rem 0}
b.method{display:inline-block;min-width:3.2rem}
.tag{border:1px solid var(--line);border-radius:1rem;padding:0 .6rem;font-size:.8rem}
table{border-collapse:collapse;width:100%}
td,th{border-bottom:1px solid var(--line);padding:.3rem .5rem;text-align:start;vertical-align:top}
:target{outline:2px solid}
`;

export interface DocsPage {
  readonly html: string;
  /** Allows this page's style and nothing else. */
  readonly contentSecurityPolicy: string;
}

/** This API as one self-contained page. */
export async function docsPage(): Promise<DocsPage> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(STYLE));
  const hash = btoa(String.fromCharCode(...new Uint8Array(digest)));
  return {
    html: page(),
    contentSecurityPolicy: `default-src 'none'; style-src 'sha256-${hash}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  };
}

function page(): string {
  const families = FAMILIES.map(
    ({ name, about, endpoints }) =>
      `<h2 id="${anchor(name)}">${escaped(name)}</h2><p>${escaped(about)}</p>${endpoints.map(section).join('')}`,
  );
  const links = [...FAMILIES.map(({ name }) => name), 'Shapes', 'Errors']
    .map((name) => `<a href="#${anchor(name)}">${escaped(name)}</a>`)
    .join(' ');
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${SERVICE} API</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
<h1>${SERVICE} API</h1>
<p>Version ${VERSION}, ${escaped(COMMIT)}. As <a href="/openapi.json">OpenAPI 3.1</a>. Bodies are JSON objects of at most 64 KiB. int is 0 or more; a field with ? may be absent; {[KEY]: …} is a map.</p>
<nav>${links}</nav>
${families.join('\n')}
<h2 id="shapes">Shapes</h2>
<table>${values()}${shapes()}</table>
<h2 id="errors">Errors</h2>
<p>Every failure is an ${linked('ERROR')}. Programs look at its code; error is for the person in front of the screen.</p>
<table><tr><th>code<th>status<th>error</tr>${errors()}</table>
</html>
`;
}

function section(endpoint: Endpoint): string {
  const { method, path, auth, admin, summary, input, headers = {}, answer, types = [], also = {} } = endpoint;
  const codes = errorsOf(endpoint).map((code) => `<a href="#${code}">${code}</a>`);
  const facts = [
    admin && `<p>An admin also sees ${escaped(admin)}.</p>`,
    input && `<p>${method === 'GET' ? 'Query' : 'Body'}</p><pre>${linked(input)}</pre>`,
    ...Object.entries(headers).map(([name, what]) => `<p><code>${name}</code> ${escaped(what)}</p>`),
    answer && `<p>Answer ${endpoint.status ?? 200}</p><pre>${linked(answer)}</pre>`,
    ...types.map((type) => `<p>Answer 200 as <code>${escaped(type)}</code></p>`),
    ...Object.entries(also).map(([status, what]) => `<p>Answer ${status}: ${escaped(what)}</p>`),
    codes.length > 0 && `<p>Fails: ${codes.join(', ')}</p>`,
  ];
  return `<details><summary><b class="method">${method}</b> <code>${escaped(path)}</code> <span class="tag">${auth}</span> ${escaped(summary)}</summary>${facts.filter(Boolean).join('')}</details>\n`;
}

function values(): string {
  return Object.entries(VALUES)
    .map(([name, { description = '' }]) => `<tr id="${name}"><th>${name}<td>${escaped(description)}</tr>`)
    .join('');
}

function shapes(): string {
  return Object.entries(SHAPES)
    .map(([name, notation]) => `<tr id="${name}"><th>${name}<td><code>${linked(notation)}</code></tr>`)
    .join('');
}

function errors(): string {
  return Object.entries(ERRORS)
    .map(
      ([code, { status, error }]) =>
        `<tr id="${code}"><td><code>${code}</code><td>${status}<td><bdi>${escaped(error)}</bdi></tr>`,
    )
    .join('');
}

/** A notation with its names linked to what they stand for. */
function linked(notation: string): string {
  return escaped(notation).replaceAll(/(?<!&quot;)\b[A-Z][A-Z_]+\b/g, (name) =>
    Object.hasOwn(SHAPES, name) || Object.hasOwn(VALUES, name) ? `<a href="#${name}">${name}</a>` : name,
  );
}

const anchor = (name: string) => name.toLowerCase().replaceAll(' ', '-');

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

const escaped = (text: string) => text.replaceAll(/[&<>"]/g, (sign) => ENTITIES[sign] ?? sign);
