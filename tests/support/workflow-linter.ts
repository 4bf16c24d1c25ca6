/** What GitHub would say of a workflow file: its own parser, which knows the schema, the contexts and the functions. */
import { build } from 'esbuild';

type Parser = typeof import('@actions/workflow-parser');

/** Bundled, because its modules import JSON in a way that Node refuses. */
async function loadParser(): Promise<Parser> {
  const { outputFiles } = await build({
    stdin: { contents: "export * from '@actions/workflow-parser'", resolveDir: import.meta.dirname },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
  });
  const code = Buffer.from(outputFiles[0]?.contents ?? []).toString('base64');
  return import(/* @vite-ignore */ `data:text/javascript;base64,${code}`);
}

let parser: Promise<Parser> | undefined;

/** One sentence for each mistake in the file; none when GitHub would run it. */
export async function complaintsOf(name: string, content: string): Promise<string[]> {
  parser ??= loadParser();
  const { convertWorkflowTemplate, NoOperationTraceWriter, parseWorkflow } = await parser;
  const { context, value } = parseWorkflow({ name, content }, new NoOperationTraceWriter());
  if (value) await convertWorkflowTemplate(context, value);
  return context.errors.getErrors().map(({ message }) => message);
}
