/** Tries one change: makes it in the copy, runs the tests that execute its line, and takes it back. */
import { apply } from './changes.mjs';
import { build, compiles, read, write } from './scratch.mjs';
import { runJest } from './tests.mjs';

const isAssembly = (change) => change.file.includes('/assembly/');

/**
 * Returns what noticed the change (a test file, 'the build', 'the compiler', 'the time limit', 'a crash', or null) and the tests
 * that may execute it and were not run, because they would have taken more than `limit` seconds together.
 */
export async function attempt(tests, inProcess, change, limit) {
  const original = read(change.file);
  const changed = apply(original, change);
  const notRun = [];
  const tried = new Set(); // the test files that have run in one process
  let left = limit;
  let isBuilt = false; // whether dist/ may contain the change

  const make = (needsBuild) => {
    write(change.file, changed);
    if (!needsBuild && !isAssembly(change)) return;
    isBuilt = true;
    build();
  };
  const takeBack = () => {
    write(change.file, original);
    if (isBuilt) build();
    isBuilt = false;
  };
  /** Runs those of the tests for which there is time. */
  const run = async (group) => {
    const files = [];
    let seconds = 0;
    for (const { file, record } of group) {
      if (seconds + record.seconds <= left) {
        files.push(file);
        seconds += record.seconds;
      } else notRun.push(file);
    }
    left -= seconds;
    if (files.length === 0) return null;
    try {
      make(group[0].usesBuilt);
    } catch {
      return 'the build';
    }
    return (await runJest(files, 10 + 4 * seconds)).failed;
  };

  const findInProcess = async () => {
    if (!inProcess.has(change)) return null;
    for (const test of tests.candidates(change.file)) {
      if (test.record && (!tests.covers(test, change) || test.record.seconds > limit)) continue;
      if (test.measured === undefined) test.measured = await inProcess.measure(test);
      if (test.measured === null) continue;
      tried.add(test);
      const part = inProcess.testsFor(test, change);
      if (part === null) continue;
      if (part.seconds > left) notRun.push(test.file);
      else {
        left -= part.seconds;
        if (await inProcess.notices(test, change, part)) return test.file;
      }
    }
    return null;
  };

  const find = async () => {
    const found = await findInProcess();
    if (found) return found;
    const all = tests.candidates(change.file).filter((test) => !tried.has(test));
    const measured = all.filter((test) => test.record && tests.covers(test, change));
    for (const usesBuilt of [false, true]) {
      const found = await run(measured.filter((test) => test.usesBuilt === usesBuilt));
      if (found) return found;
    }
    for (const test of all.filter(({ record }) => !record)) {
      if (left <= 0) {
        notRun.push(test.file);
        continue;
      }
      takeBack();
      left -= (await tests.measure(test)).seconds;
      const found = tests.covers(test, change) ? await run([test]) : null;
      if (found) return found;
    }
    write(change.file, changed);
    return isAssembly(change) || compiles() ? null : 'the compiler';
  };

  try {
    return { noticedBy: await find(), notRun };
  } finally {
    takeBack();
  }
}
