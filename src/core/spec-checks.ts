/** What the checks of a spec are made of. */
import { UnspoolError } from '../errors.js';
import { requireInitializer } from './init.js';

export const LARGEST = 1 << 24; // a width or vocabulary beyond this is a slip of the keyboard

export const fail = (path: string, problem: string, help?: string): never => {
  throw new UnspoolError({ code: 'INVALID_SETTING', path, problem, ...(help ? { help } : {}) });
};

/** A key that nobody reads is a typing error, and is said rather than ignored. */
export function requireKeys(path: string, value: unknown, allowed: readonly string[]): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    fail(path, `should be an object, but is ${JSON.stringify(value)}.`);
  }
  for (const key of Object.keys(value as object)) {
    if (!allowed.includes(key)) fail(`${path}.${key}`, 'is no known setting.', `Known here: ${allowed.join(', ')}.`);
  }
}

export function requireOptional(path: string, value: unknown, type: 'boolean' | 'string'): void {
  if (value !== undefined && typeof value !== type) fail(path, `should be a ${type}, but is ${JSON.stringify(value)}.`);
  if (type === 'string' && value === '') fail(path, 'should not be empty.');
}

/** Also for what should be there: undefined is none of the choices. */
export function requireChoice(path: string, value: unknown, choices: readonly string[]): void {
  if (typeof value === 'string' && choices.includes(value)) return;
  const [last, ...others] = [...choices].reverse();
  const list = others
    .reverse()
    .map((c) => `'${c}'`)
    .join(', ');
  fail(path, `should be ${list} or '${last}', but is ${JSON.stringify(value)}.`);
}

export function checkInits(path: string, init: unknown, allowed: readonly string[]): void {
  if (init === undefined) return;
  requireKeys(path, init, allowed);
  for (const [key, value] of Object.entries(init as object)) {
    if (value === undefined) continue;
    if (key !== 'forgetBias') requireInitializer(`${path}.${key}`, value);
    else if (value !== null && !Number.isFinite(value)) fail(`${path}.forgetBias`, 'should be a number or null.');
  }
}
