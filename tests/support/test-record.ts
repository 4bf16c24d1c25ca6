/** Keeps the result of a whole run that passed, for the gate of `npm run deploy`: named by the tree that was tested. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Reporter, TestModule, TestRunEndReason, Vitest } from 'vitest/node';
import { writeTestRecord } from '../../deployment/records.ts';
import { openRepository, type Repository } from '../../deployment/repository.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Silent, and without a record, unless every test file ran, nothing failed, and no file changed meanwhile. */
export default class TestRecordReporter implements Reporter {
  readonly #root: string;
  readonly #repository: Repository;
  #vitest: Vitest | undefined;
  #tree: string | undefined;

  /** `root` is the project's folder; this one unless told. */
  constructor({ root = ROOT }: { readonly root?: string } = {}) {
    this.#root = root;
    this.#repository = openRepository(root);
  }

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
    this.#tree = this.#cleanTree();
  }

  async onTestRunEnd(
    modules: readonly TestModule[],
    errors: readonly unknown[],
    reason: TestRunEndReason,
  ): Promise<void> {
    const tree = this.#tree;
    if (tree === undefined || reason !== 'passed' || errors.length > 0) return;
    if (!(await this.#isWhole(modules)) || this.#cleanTree() !== tree) return;
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const count = (state: string) => tests.filter((test) => test.result().state === state).length;
    await writeTestRecord(this.#root, {
      tree,
      commit: this.#repository.release().commit,
      time: new Date().toISOString(),
      node: process.versions.node,
      files: modules.length,
      passed: count('passed'),
      skipped: count('skipped'),
    });
    console.log(`\nRecorded for npm run deploy: ${join('.records', 'tests', `${tree}.json`)}`);
  }

  /** Every file of every project, and no test of them filtered out. */
  async #isWhole(modules: readonly TestModule[]): Promise<boolean> {
    const vitest = this.#vitest;
    if (!vitest || vitest.config.watch || vitest.config.testNamePattern || vitest.config.shard) return false;
    if (vitest.config.project.length > 0) return false;
    const ran = new Set(modules.map((module) => `${module.project.name}\n${module.moduleId}`));
    const all = await vitest.globTestSpecifications();
    return all.length > 0 && all.every(({ project, moduleId }) => ran.has(`${project.name}\n${moduleId}`));
  }

  /** Outside of git nothing is recorded. */
  #cleanTree(): string | undefined {
    try {
      return this.#repository.changedFiles().length === 0 ? this.#repository.release().tree : undefined;
    } catch {
      return undefined;
    }
  }
}
