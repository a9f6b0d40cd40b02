/**
 * Checks of what a caller passes. Each throws an `UnspoolError` that names the value, what it must be, and what it is. Data
 * (tokens, inputs, targets) fails with `INVALID_DATA`, everything else with `INVALID_SETTING`.
 */
import { invalidData, invalidSetting } from './errors.js';

/** Any value as text for a message; never throws, unlike `String({toString: {}})`. */
export function shown(value: unknown): string {
  try {
    if (typeof value === 'function')
      return `a ${isClass(value) ? 'class' : 'function'}${value.name && ` ${value.name}()`}`;
    if (ArrayBuffer.isView(value)) return `a ${classOf(value)} of ${value.byteLength} bytes`;
    const text = typeof value === 'object' || typeof value === 'string' ? JSON.stringify(value) : undefined;
    const shownText = text ?? String(value);
    return shownText.length > 100 ? `${shownText.slice(0, 97)}...` : shownText;
  } catch {
    return `an object that JSON cannot show`;
  }
}

/** Whether `value` is an object that is not a list, as JSON has them. */
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Whether `value` is an object as a literal or JSON makes it, also in another realm: not an instance of a class. */
export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (!isObject(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Whether `value` is a `Map`, also of another realm. */
export function isMap(value: unknown): value is Map<unknown, unknown> {
  try {
    return Map.prototype.has.call(value as Map<unknown, unknown>, 0) || true;
  } catch {
    return false;
  }
}

/** A class, in contrast to other functions, cannot be called without `new`. */
const isClass = (value: object): boolean => Object.getOwnPropertyDescriptor(value, 'prototype')?.writable === false;

/** Whether `value` is a function that can be called, not a class. */
export const isFunction = (value: unknown): value is (...operands: never[]) => unknown =>
  typeof value === 'function' && !isClass(value);

/** Whether `value` names an own property of `table`. */
export const isKeyOf = <T extends object>(table: T, value: unknown): value is keyof T & string =>
  typeof value === 'string' && Object.hasOwn(table, value);

/** Throws `INVALID_SETTING` unless `value` is an integer from `min` to `max`. */
export function requireInteger(path: string, value: unknown, min: number, max: number): asserts value is number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    throw invalidSetting(path, `must be an integer from ${min} to ${max}, got ${shown(value)}.`);
  }
}

/** Throws `INVALID_SETTING` unless `value` is a finite number from `min` to `max`. */
export function requireNumber(path: string, value: unknown, min: number, max: number): asserts value is number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < min || value > max) {
    const range = max === Number.POSITIVE_INFINITY ? `of at least ${min}` : `from ${min} to ${max}`;
    throw invalidSetting(path, `must be a number ${range}, got ${shown(value)}.`);
  }
}

/** Throws `INVALID_SETTING` unless `value` is a function. */
export function requireFunction(path: string, value: unknown): asserts value is (...operands: never[]) => unknown {
  if (!isFunction(value)) throw invalidSetting(path, `must be a function, got ${shown(value)}.`);
}

/** Throws `INVALID_SETTING` unless `value` is an AbortSignal, or like one. */
export function requireSignal(path: string, value: unknown): asserts value is { readonly aborted: boolean } {
  if (isObject(value) && typeof value.aborted === 'boolean') return;
  throw invalidSetting(path, `must be an AbortSignal, got ${shown(value)}.`, 'Pass controller.signal.');
}

/** Levenshtein distance: single-character edits that turn `a` into `b`. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row.at(-1)!;
}

/** Names that other libraries use, without case and separators. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  lr: 'learningRate',
  rate: 'learningRate',
  wd: 'weightDecay',
  units: 'hiddenSize',
  maxsteps: 'maxUpdates',
  heldout: 'validation',
  dtype: 'precision',
  device: 'backend',
  mask: 'weights',
  dense: 'linear',
};

const plain = (name: string): string => name.toLowerCase().replace(/[-_ ]/g, '');

/** ` Did you mean "x"?` for the closest of `names`, or an empty text if none is close. `show` formats the name. */
export function didYouMean(word: string, names: readonly string[], show = (name: string) => `"${name}"`): string {
  const given = plain(word);
  const meant = isKeyOf(OTHER_NAMES, given) ? plain(OTHER_NAMES[given]!) : given;
  const distance = (name: string): number => {
    const known = plain(name);
    if (known === given || known === meant) return 0;
    if (meant !== given && known.startsWith(meant)) return 0.25; // `validationSplit` for `validation`
    // Part of a name, as `hidden` of `hiddenSize`, or more than it, as `restoreBestWeights`.
    if (Math.min(known.length, given.length) > 3 && (known.startsWith(given) || given.startsWith(known))) return 0.5;
    return given.length > 50 ? 50 : editDistance(given, known);
  };
  const [best] = names.map((name) => ({ name, off: distance(name) })).sort((a, b) => a.off - b.off);
  const limit = given.length < 4 ? 1 : Math.max(2, given.length / 3);
  return best && best.off <= limit ? ` Did you mean ${show(best.name)}?` : '';
}

/** Throws `INVALID_SETTING` unless `value` is an object with no other keys than `allowed`: another key may be misspelled. */
export function requireKeys(path: string, value: unknown, allowed: readonly string[]): asserts value is object {
  if (!isObject(value) || !/^(Object|Module)$/.test(classOf(value))) {
    throw invalidSetting(path, `must be an object, got ${shown(value)}.`);
  }
  for (const key of Object.keys(value)) {
    if (!allowed.includes(key)) {
      const list = allowed.length > 0 ? `Use ${allowed.join(', ')}.` : 'It has no settings.';
      throw invalidSetting(`${path}.${key}`, `unknown setting.${didYouMean(key, allowed)}`, list);
    }
  }
}

/** `requireKeys` for options that may be undefined. */
export function requireOptions(path: string, value: unknown, allowed: readonly string[]): void {
  if (value !== undefined) requireKeys(path, value, allowed);
}

/** Undefined passes; an empty string does not. */
export function requireOptional(path: string, value: unknown, type: 'boolean' | 'string'): void {
  if (value !== undefined && typeof value !== type) {
    throw invalidSetting(path, `must be a ${type}, got ${shown(value)}.`);
  }
  if (type === 'string' && value === '') throw invalidSetting(path, 'must not be empty.');
}

/** Undefined fails. */
export function requireChoice(path: string, value: unknown, choices: readonly string[]): void {
  if (typeof value === 'string' && choices.includes(value)) return;
  const quoted = choices.map((choice) => `'${choice}'`);
  const list = [quoted.slice(0, -1).join(', '), quoted.at(-1)].filter(Boolean).join(' or ');
  const suggestion = typeof value === 'string' ? didYouMean(value, choices) : '';
  throw invalidSetting(path, `must be ${list}, got ${shown(value)}.${suggestion}`);
}

/** How a message names number `i` of an array; by default `inputs[5]`. */
export type Place = (index: number) => string;

/** Whether nothing reads number `i` of an array, so that it may be any number, null or undefined. */
export type Unread = (index: number) => boolean;

/** What `requireValues` and `requireTokens` need to know of an array. */
interface ArrayRules {
  readonly place?: Place | undefined;
  readonly unread?: Unread | undefined;
  /** What a message says at its end. */
  readonly help?: (() => string) | undefined;
}

/** The class of an array or a `Map`, also of one from another frame: `Float32Array`, `Array`. */
export const classOf = (value: unknown): string => Object.prototype.toString.call(value).slice(8, -1);

/** Whether a typed array can be read: not if its buffer was sent to a worker. */
function hasMemory(values: Uint8Array): boolean {
  try {
    return !!values.values();
  } catch {
    return false;
  }
}

/** Throws `INVALID_DATA` unless `values` is an array or a typed array of numbers, of any values. */
export function requireList(what: string, values: unknown): asserts values is ArrayLike<number> {
  // Most are, and a stream checks them in every step.
  if (values instanceof Float32Array ? values.length > 0 : Array.isArray(values)) return;
  if (ArrayBuffer.isView(values) && /^[^B].*Array$/.test(classOf(values))) {
    if ((values as Uint8Array).length > 0 || hasMemory(values as Uint8Array)) return;
    throw invalidData(what, 'its memory was transferred or has become smaller.', 'Pass a copy.');
  }
  throw invalidData(what, `must be an array or typed array of numbers, got ${shown(values)}.`);
}

/** A loop over arrays of one class, which most are, takes half as long as one over several classes. */
function areFinite(values: Float32Array): boolean {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return false;
  return true;
}

const isIntegerArray = (values: ArrayLike<number>): boolean =>
  !Array.isArray(values) && /^U?[Ii]nt/.test(classOf(values));

/**
 * Throws `INVALID_DATA` unless `values` is an array or a typed array of finite numbers from `min` to `max`. A hole, null,
 * undefined, a string, a BigInt or NaN fails; the message names its place.
 */
export function requireValues(
  what: string,
  values: unknown,
  rules: ArrayRules & { readonly min?: number; readonly max?: number } = {},
): asserts values is ArrayLike<number> {
  requireList(what, values);
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = rules;
  if (min === -max) {
    if (values instanceof Float32Array ? areFinite(values) : isIntegerArray(values)) return;
  }
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (Number.isFinite(value) && value >= min && value <= max) continue;
    const range = min === -max ? '' : Number.isFinite(max) ? ` from ${min} to ${max}` : ` of at least ${min}`;
    refuse(what, values, i, `a finite number${range}`, rules);
  }
}

/** Throws `INVALID_DATA` unless `values` is an array of integers from 0 to `size - 1`, or `ignored`. */
export function requireTokens(
  what: string,
  values: unknown,
  size: number,
  rules: ArrayRules & { readonly ignored?: number } = {},
): asserts values is ArrayLike<number> {
  requireList(what, values);
  const { ignored = Number.NaN } = rules; // equals nothing
  for (let i = 0; i < values.length; i++) {
    const id = values[i]!;
    if ((Number.isInteger(id) && id >= 0 && id < size) || id === ignored) continue;
    refuse(what, values, i, `an integer from 0 to ${size - 1}`, rules);
  }
}

/**
 * Throws `INVALID_DATA` unless every row of `width` numbers is logits: numbers, of which the largest is finite. -Infinity rules
 * a class out.
 */
export function requireLogits(what: string, values: unknown, width: number, rules: ArrayRules = {}): void {
  requireList(what, values);
  for (let at = 0; at < values.length; at += width) {
    let largest = Number.NEGATIVE_INFINITY;
    for (let i = at; i < at + width; i++) {
      const value: unknown = values[i];
      if (typeof value !== 'number' || !(value < Number.POSITIVE_INFINITY)) {
        refuse(what, values, i, 'a finite number or -Infinity', rules);
      } else if (value > largest) largest = value;
    }
    if (largest === Number.NEGATIVE_INFINITY) refuse(what, values, at, 'above -Infinity for at least one class', rules);
  }
}

/** Throws for number `i` of an array unless nothing reads it. */
function refuse(what: string, values: ArrayLike<unknown>, i: number, wanted: string, rules: ArrayRules): void {
  const value = values[i];
  const { place = (at: number) => `${what}[${at}]`, unread, help } = rules;
  if (unread?.(i) && (typeof value === 'number' || value === null || value === undefined)) return;
  const found = i in values ? shown(value) : 'a hole in the array';
  throw invalidData(place(i), `must be ${wanted}, got ${found}.`, help?.());
}
