/** What a test file needs of jest: describe, test, hooks, expect and mock functions. It runs chosen tests, up to the first failure. */
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const circus = createRequire(require.resolve('jest-circus'));
const { jestExpect: expect } = circus('@jest/expect');
const { ModuleMocker } = circus('jest-mock');
const { bind } = circus('jest-each');

const mocker = new ModuleMocker(globalThis);
export const restoreMocks = () => mocker.restoreAllMocks();

const jest = {
  fn: mocker.fn.bind(mocker),
  spyOn: mocker.spyOn.bind(mocker),
  restoreAllMocks: restoreMocks,
  setTimeout: () => jest,
};

const blockOf = () => ({ children: [], beforeAll: [], afterAll: [], beforeEach: [], afterEach: [] });

/** An empty suite, and the functions that fill it. */
export function createSuite() {
  const suite = blockOf();
  let here = suite;
  const describe = (_, fill) => {
    const [outer, block] = [here, blockOf()];
    outer.children.push({ block });
    here = block;
    try {
      fill();
    } finally {
      here = outer;
    }
  };
  const test = (name, run) => void here.children.push({ name: String(name), run });
  const skip = Object.assign(() => {}, { each: () => () => {} });
  for (const [call, isTest] of [
    [describe, false],
    [test, true],
  ])
    Object.assign(call, { each: bind(call, isTest), skip, todo: skip });
  const hook = (kind) => (run) => void here[kind].push(run);
  const hooks = Object.fromEntries(
    ['beforeAll', 'afterAll', 'beforeEach', 'afterEach'].map((kind) => [kind, hook(kind)]),
  );
  return { suite, globals: { describe, test, it: test, expect, jest, ...hooks } };
}

const testsIn = ({ children }) => children.reduce((sum, { block }) => sum + (block ? testsIn(block) : 1), 0);

async function runTest({ name, run }, path, testPath) {
  expect.setState({
    ...{ assertionCalls: 0, expectedAssertionsNumber: null, isExpectingAssertions: false, suppressedErrors: [] },
    ...{ currentTestName: name, testPath },
  });
  try {
    for (const { beforeEach } of path) for (const hook of beforeEach) await hook();
    await run();
  } finally {
    for (const { afterEach } of path.toReversed()) for (const hook of afterEach) await hook();
  }
  const { expectedAssertionsNumber: expected, assertionCalls: made } = expect.getState();
  if (typeof expected === 'number' && expected !== made) throw new Error(`${made} of ${expected} assertions were made`);
}

/** Runs the tests with the numbers in `only` (null: all). Throws the first error. `onTest` is called around each test. */
export async function runSuite(suite, testPath, { only = null, onTest = (_, run) => run() } = {}) {
  let next = 0;
  const isChosen = (number) => only === null || only.has(number);
  const runBlock = async (block, path) => {
    const [from, count] = [next, testsIn(block)];
    if (!Array.from({ length: count }, (_, i) => from + i).some(isChosen)) {
      next += count;
      return;
    }
    const errors = [];
    try {
      for (const hook of block.beforeAll) await hook();
      for (const child of block.children) {
        if (child.block) await runBlock(child.block, [...path, child.block]);
        else {
          const number = next++;
          if (isChosen(number)) await onTest(number, () => runTest(child, path, testPath));
        }
      }
    } catch (error) {
      errors.push(error);
    }
    for (const hook of block.afterAll)
      await Promise.resolve()
        .then(hook)
        .catch((error) => errors.push(error));
    if (errors.length > 0) throw errors[0] ?? new Error('failed');
  };
  await runBlock(suite, [suite]);
}
