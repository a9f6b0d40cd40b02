/** When threads share large commands: on a simulated clock, with simulated speeds of sharing and of working alone. */
import { expect, test } from '@jest/globals';
import { Command, CommandWord } from '../../src/kernels/wasm/layout.js';
import { Pacing, workOf } from '../../src/kernels/wasm/threads/pacing.js';

/** Runs commands of 0.1 ms alone for `ms`, and returns how long they took, over the time that one thread needs. */
function simulation(gain: { value: number }) {
  let clock = 0;
  let lag = 0; // what the other threads have not finished
  const pacing = new Pacing(
    () => {
      clock += lag;
      lag = 0;
    },
    () => clock,
  );
  return (ms: number): number => {
    const [start, end] = [clock, clock + ms];
    let alone = 0;
    while (clock < end) {
      if (!pacing.shares) {
        clock += lag + 0.1;
        lag = 0;
      } else {
        clock += 0.05;
        lag += 0.1 / gain.value - 0.05;
      }
      alone += 0.1;
      pacing.count(1000);
    }
    return (clock - start) / alone;
  };
}

test('threads share while that is faster', () => {
  const run = simulation({ value: 1.8 });
  run(200);
  expect(run(30_000)).toBeLessThan(1.02 / 1.8);
});

test('on busy cores, the trials cost less than 5 %', () => {
  const run = simulation({ value: 0.5 });
  expect(run(30_000)).toBeLessThan(1.05);
});

test('a gain that ends, or begins, is noticed', () => {
  const gain = { value: 1.8 };
  const run = simulation(gain);
  run(20_000);
  gain.value = 0.4;
  run(300);
  expect(run(800)).toBeLessThan(1.1);
  gain.value = 1.8;
  run(20_000);
  expect(run(5000)).toBeLessThan(0.7);
});

test('the work of a command follows its sizes', () => {
  const words = (command: Command, ...integers: number[]): Int32Array => {
    const all = new Int32Array(CommandWord.count);
    all[CommandWord.command] = command;
    all.set(integers, CommandWord.integers);
    return all;
  };
  expect(workOf(words(Command.gemmRows, 0, 8, 16, 0, 0, 32))).toBe(8 * 16 * 32);
  expect(workOf(words(Command.host, 0, 8, 16, 0, 0, 32))).toBe(8 * 16 * 32);
  const small = workOf(words(Command.cell, 0, 0, 0, 0, 4, 32));
  expect(workOf(words(Command.cell, 0, 0, 0, 0, 8, 32))).toBe(2 * small);
  expect(workOf(words(Command.cellGrad, 0, 0, 0, 0, 0, 0, 0, 4, 32))).toBe(small);
  expect(workOf(words(Command.fill, 0, 200))).toBe(2 * workOf(words(Command.fill, 0, 100)));
});
