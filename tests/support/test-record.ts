/** Keeps the result of a whole run that passed, for the gate of `npm run deploy`: named by the tree that was tested. */
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Reporter, TestModule, TestRunEndReason, Vitest } from 'vitest/node';
import { writeTestRecord } from '../../deployment/records.ts';
import { openRepository, type Repository } from '../../deployment/repository.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Without these, tests skip themselves. Debian's packages have these names too; .ci/run installs them. */
const PROGRAMS = ['redis-server', 'prometheus', 'prometheus-alertmanager', 'chromium'];

/** What a command line may leave out of a run. */
const CHOOSING = [
  'watch',
  'testNamePattern',
  'tagsFilter',
  'shard',
  'project',
  'cliExclude',
  'dir',
  'changed',
  'related',
];

/** A test that silences all others of its file. */
const ONLY = /\b(?:describe|suite|it|test)\b[\w.]*\.only\b/;

export interface TestRecordOptions {
  /** The project's folder; this one unless told. */
  readonly root?: string;
  /** Programs whose absence makes tests skip themselves. */
  readonly programs?: readonly string[];
}

/**
 * Leaves no record unless every test file ran, nothing failed, and no file changed meanwhile. A whole run that skipped
 * tests for want of a program, or because of an `only`, leaves none either, and says why.
 */
export default class TestRecordReporter implements Reporter {
  readonly #root: string;
  readonly #programs: readonly string[];
  readonly #repository: Repository;
  #vitest: Vitest | undefined;
  #tree: string | undefined;

  constructor({ root = ROOT, programs = PROGRAMS }: TestRecordOptions = {}) {
    this.#root = root;
    this.#programs = programs;
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
    const gap = (await this.#onlyIn(modules)) ?? (count('skipped') > 0 ? this.#missingPrograms() : undefined);
    if (gap !== undefined) {
      console.log(`\nNo record for npm run deploy: ${gap}`);
      return;
    }
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
    if (!vitest || CHOOSING.some((name) => isChosen(Reflect.get(vitest.config, name)))) return false;
    const ran = new Set(modules.map((module) => `${module.project.name}\n${module.moduleId}`));
    const all = await vitest.globTestSpecifications();
    return all.length > 0 && all.every(({ project, moduleId }) => ran.has(`${project.name}\n${moduleId}`));
  }

  async #onlyIn(modules: readonly TestModule[]): Promise<string | undefined> {
    for (const path of new Set(modules.map(({ moduleId }) => moduleId))) {
      if (ONLY.test(await readFile(path, 'utf8')))
        return `${relative(this.#root, path)} runs a part of itself only`;
    }
    return undefined;
  }

  #missingPrograms(): string | undefined {
    const missing = this.#programs.filter(
      (name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).error,
    );
    return missing.length === 0 ? undefined : `tests were skipped, and not installed: ${missing.join(', ')}`;
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

const isChosen = (value: unknown): boolean => (Array.isArray(value) ? value.length > 0 : Boolean(value));
