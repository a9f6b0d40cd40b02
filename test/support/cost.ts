import { expect } from '@jest/globals';

/**
 * Seconds of processor time. An input that is read without a limit takes minutes or never ends; one that is rejected in
 * time takes a second or two, on a slow machine as well.
 */
const MOST = 30;

/** Expects that the work ends after a bounded amount of processor time, and returns its result. */
export async function bounded<T>(work: () => T | Promise<T>): Promise<T> {
  const begin = process.cpuUsage();
  const result = await work();
  const { user, system } = process.cpuUsage(begin);
  expect((user + system) / 1e6).toBeLessThan(MOST);
  return result;
}
