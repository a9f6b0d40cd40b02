/**
 * Reads the pickles that torch.save() writes, without running them. A pickle is a program for a stack machine that can call any
 * function of Python. This one knows the instructions that build plain values, and calls nothing: `resolve` decides what the few
 * names that may occur mean, and any other name is an error. https://docs.python.org/3/library/pickletools.html
 */
import { invalidFile } from '../../invalid.js';
import { quoted } from '../../safetensors.js';

/** A value of a pickle. A dict is a Map, and a tuple or list is an array. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | Map<PickleValue, PickleValue>
  | PickleObject;

/** What `resolve` makes of a name or of a call. */
export abstract class PickleObject {}

/** Gives names, calls and persistent identifiers a meaning. Each throws for what may not occur. */
export interface Resolver {
  /** The object that a name of a module is. */
  global(module: string, name: string): PickleObject;
  /** The result of calling it. */
  call(callable: PickleValue, args: readonly PickleValue[]): PickleValue;
  /** The object with a persistent identifier. */
  persistent(id: PickleValue): PickleObject;
}

const MAX_BYTES = 64 * 2 ** 20;
const MAX_INSTRUCTIONS = 1_000_000;
/** Bytes of an integer. Python has integers of any size, which take long to read. */
const MAX_LONG = 16;

/** An error of the pickle: `problem` is a sentence about it. */
export type PickleFail = (problem: string) => never;

class Machine {
  readonly stack: PickleValue[] = [];
  /** Heights of the stack at the marks. */
  readonly marks: number[] = [];
  readonly memo = new Map<number, PickleValue>();
  at = 0;
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

  constructor(
    bytes: Uint8Array,
    readonly resolver: Resolver,
    readonly fail: PickleFail,
  ) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Moves past `count` bytes, and returns where they begin. */
  skip(count: number): number {
    const begin = this.at;
    if (count > this.bytes.length - begin) this.fail('its pickle ends too early.');
    this.at += count;
    return begin;
  }

  u8 = (): number => this.view.getUint8(this.skip(1));
  u16 = (): number => this.view.getUint16(this.skip(2), true);
  u32 = (): number => this.view.getUint32(this.skip(4), true);
  i32 = (): number => this.view.getInt32(this.skip(4), true);
  f64 = (): number => this.view.getFloat64(this.skip(8));

  u64(): number {
    const value = this.view.getBigUint64(this.skip(8), true);
    return value < BigInt(MAX_BYTES) ? Number(value) : this.fail('its pickle declares too many bytes.');
  }

  raw(count: number): Uint8Array {
    const begin = this.skip(count);
    return this.bytes.subarray(begin, begin + count);
  }

  text(count: number): string {
    const bytes = new Uint8Array(this.raw(count)); // a copy: browsers do not decode shared memory
    try {
      return this.decoder.decode(bytes);
    } catch {
      return this.fail('a text in its pickle is not UTF-8.');
    }
  }

  /** A text that ends with a line break. */
  line(): string {
    const end = this.bytes.indexOf(10, this.at);
    if (end < 0) this.fail('its pickle ends too early.');
    const text = this.text(end - this.at);
    this.at++;
    return text;
  }

  long(count: number): number | bigint {
    if (count > MAX_LONG) this.fail(`its pickle has an integer of ${count} bytes; at most ${MAX_LONG} are read.`);
    let value = 0n;
    this.raw(count).forEach((byte, i) => {
      value |= BigInt(byte) << BigInt(8 * i);
    });
    const signed = BigInt.asIntN(8 * count, value);
    const number = Number(signed);
    return Number.isSafeInteger(number) ? number : signed;
  }

  push(value: PickleValue): void {
    this.stack.push(value);
  }

  /** Takes the top of the stack, above the last mark. */
  pop(): PickleValue {
    if (this.stack.length <= (this.marks.at(-1) ?? 0)) this.fail('its pickle takes a value from an empty stack.');
    return this.stack.pop()!;
  }

  /** The top of the stack, which stays. */
  top(): PickleValue {
    const value = this.pop();
    this.push(value);
    return value;
  }

  /** Takes what is above the last mark, and the mark. */
  popMark(): PickleValue[] {
    const from = this.marks.pop();
    return from === undefined ? this.fail('its pickle has no mark.') : this.stack.splice(from);
  }

  popMany(count: number): PickleValue[] {
    return Array.from({ length: count }, () => this.pop()).reverse();
  }

  append(items: readonly PickleValue[]): void {
    const list = this.top();
    if (!Array.isArray(list)) this.fail('its pickle appends to a value that is not a list.');
    for (const item of items) (list as PickleValue[]).push(item);
  }

  setItems(items: readonly PickleValue[]): void {
    const dict = this.top();
    if (!(dict instanceof Map) || items.length % 2 > 0)
      this.fail('its pickle sets an item of a value that is not a dict.');
    for (let i = 0; i < items.length; i += 2) (dict as Map<PickleValue, PickleValue>).set(items[i]!, items[i + 1]!);
  }

  recall(index: number): void {
    const value = this.memo.get(index);
    if (value === undefined) this.fail(`its pickle reads item ${index} of the memo, which is not set.`);
    this.push(value!);
  }

  call(): void {
    const args = this.pop();
    const callable = this.pop();
    if (!Array.isArray(args)) this.fail('its pickle calls with arguments that are not a tuple.');
    this.push(this.resolver.call(callable, args as PickleValue[]));
  }

  /** The state of an object, such as the versions of a state dict's modules. Only a dict may have one; nothing reads it. */
  build(): void {
    this.pop();
    if (!(this.top() instanceof Map)) this.fail('its pickle sets the attributes of an object.');
  }

  globalFromStack(): void {
    const [module, name] = this.popMany(2);
    if (typeof module !== 'string' || typeof name !== 'string') this.fail('its pickle names an object by a number.');
    this.push(this.resolver.global(module as string, name as string));
  }
}

/** A dict from items in turn: key, value, key, value. */
function dictOf(m: Machine, items: readonly PickleValue[]): void {
  m.push(new Map());
  m.setItems(items);
}

/** The instructions. PROTO and FRAME have no effect here; STOP ends the loop. */
const INSTRUCTIONS: Readonly<Record<number, (m: Machine) => void>> = {
  128: (m) => m.skip(1), // PROTO
  149: (m) => m.skip(8), // FRAME
  40: (m) => m.marks.push(m.stack.length), // MARK
  48: (m) => m.pop(), // POP
  49: (m) => m.popMark(), // POP_MARK
  50: (m) => m.push(m.top()), // DUP
  78: (m) => m.push(null), // NONE
  136: (m) => m.push(true), // NEWTRUE
  137: (m) => m.push(false), // NEWFALSE
  74: (m) => m.push(m.i32()), // BININT
  75: (m) => m.push(m.u8()), // BININT1
  77: (m) => m.push(m.u16()), // BININT2
  138: (m) => m.push(m.long(m.u8())), // LONG1
  139: (m) => m.push(m.long(m.u32())), // LONG4
  71: (m) => m.push(m.f64()), // BINFLOAT
  88: (m) => m.push(m.text(m.u32())), // BINUNICODE
  140: (m) => m.push(m.text(m.u8())), // SHORT_BINUNICODE
  141: (m) => m.push(m.text(m.u64())), // BINUNICODE8
  66: (m) => m.push(m.raw(m.u32())), // BINBYTES
  67: (m) => m.push(m.raw(m.u8())), // SHORT_BINBYTES
  142: (m) => m.push(m.raw(m.u64())), // BINBYTES8
  93: (m) => m.push([]), // EMPTY_LIST
  97: (m) => m.append([m.pop()]), // APPEND
  101: (m) => m.append(m.popMark()), // APPENDS
  108: (m) => m.push(m.popMark()), // LIST
  41: (m) => m.push([]), // EMPTY_TUPLE
  116: (m) => m.push(m.popMark()), // TUPLE
  133: (m) => m.push(m.popMany(1)), // TUPLE1
  134: (m) => m.push(m.popMany(2)), // TUPLE2
  135: (m) => m.push(m.popMany(3)), // TUPLE3
  125: (m) => m.push(new Map()), // EMPTY_DICT
  100: (m) => dictOf(m, m.popMark()), // DICT
  115: (m) => m.setItems(m.popMany(2)), // SETITEM
  117: (m) => m.setItems(m.popMark()), // SETITEMS
  143: (m) => m.push([]), // EMPTY_SET
  144: (m) => m.append(m.popMark()), // ADDITEMS
  99: (m) => m.push(m.resolver.global(m.line(), m.line())), // GLOBAL
  147: (m) => m.globalFromStack(), // STACK_GLOBAL
  82: (m) => m.call(), // REDUCE
  129: (m) => m.call(), // NEWOBJ: a call of the class
  98: (m) => m.build(), // BUILD
  81: (m) => m.push(m.resolver.persistent(m.pop())), // BINPERSID
  113: (m) => m.memo.set(m.u8(), m.top()), // BINPUT
  114: (m) => m.memo.set(m.u32(), m.top()), // LONG_BINPUT
  148: (m) => m.memo.set(m.memo.size, m.top()), // MEMOIZE
  104: (m) => m.recall(m.u8()), // BINGET
  106: (m) => m.recall(m.u32()), // LONG_BINGET
};
const STOP = 0x2e;

/** The value of a pickle. `file` is its name in messages. Throws `INVALID_FILE`, and what `resolver` throws. */
export function readPickle(bytes: Uint8Array, resolver: Resolver, file: string): PickleValue {
  const fail: PickleFail = (problem) => {
    throw invalidFile(file, problem, 'The file is damaged or was not written by torch.save().');
  };
  if (bytes.length > MAX_BYTES) fail(`its pickle has ${bytes.length} bytes; at most ${MAX_BYTES} are read.`);
  const machine = new Machine(bytes, resolver, fail);
  for (let count = 0; count < MAX_INSTRUCTIONS; count++) {
    const code = machine.u8();
    if (code === STOP) return machine.pop();
    const instruction = INSTRUCTIONS[code];
    if (!instruction)
      fail(`its pickle has the instruction ${quoted(String.fromCharCode(code))}, which torch.save() does not write.`);
    instruction!(machine);
  }
  return fail(`its pickle has more than ${MAX_INSTRUCTIONS} instructions.`);
}
