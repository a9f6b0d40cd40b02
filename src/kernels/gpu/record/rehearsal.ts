/** What an instruction with other numbers would do: the scalars and the host numbers of its calls, without calls. */
import type { Program } from '../shaders/program.js';
import type { EntryLog } from './entry.js';
import { Recorder } from './recorder.js';
import { type Call, type Piece, pieceOf, type Value } from './values.js';

/** What a repetition of an instruction changes. */
interface Changes {
  readonly scalars: readonly (readonly [Call, readonly number[]])[];
  readonly hosts: readonly (readonly [Value, Float32Array])[];
}

/** Thrown when an instruction does not do what it did when it was recorded. */
const OTHER_COURSE = Symbol('other course');

const isSame = (a: Program, b: Program): boolean =>
  a === b ||
  (a.body === b.body && a.wgsl?.body === b.wgsl?.body && a.output[0] === b.output[0] && a.output[1] === b.output[1]);

/** A recorder that answers as the recorder did when an instruction was recorded, and notes the numbers. */
export class Rehearsal extends Recorder {
  private course: EntryLog = { pieces: [], constants: [], calls: [], hosts: [] };
  private at = { pieces: 0, constants: 0, calls: 0, hosts: 0 };
  private scalars: (readonly [Call, readonly number[]])[] = [];
  private hosts: (readonly [Value, Float32Array])[] = [];

  /** The changes of an instruction that `log` describes; null if it takes another course with its numbers. */
  changes(log: EntryLog, act: () => void): Changes | null {
    this.course = log;
    this.at = { pieces: 0, constants: 0, calls: 0, hosts: 0 };
    [this.scalars, this.hosts] = [[], []];
    try {
      act();
    } catch (error) {
      if (error === OTHER_COURSE) return null;
      throw error;
    }
    if (this.at.calls !== log.calls.length || this.at.hosts !== log.hosts.length) return null;
    return { scalars: this.scalars, hosts: this.hosts };
  }

  private next<Name extends keyof EntryLog>(name: Name): EntryLog[Name][number] {
    const at = this.at[name]++;
    if (at >= this.course[name].length) throw OTHER_COURSE;
    return this.course[name][at] as EntryLog[Name][number];
  }

  override read(): Piece {
    return this.next('pieces');
  }

  override constantIn(): number | null {
    return this.next('constants');
  }

  override write(): void {}

  override concatenate(): never {
    throw OTHER_COURSE;
  }

  /** A replay uploads a constant as it was recorded. */
  override constant(): never {
    throw OTHER_COURSE;
  }

  override fromHost(numbers: Float32Array): Piece {
    const value = this.next('hosts');
    if (value.size !== numbers.length) throw OTHER_COURSE;
    this.hosts.push([value, numbers]);
    return pieceOf(value);
  }

  override callAll(program: Program, _: readonly Piece[], scalars: readonly number[] = []): readonly Value[] {
    const call = this.next('calls');
    if (!isSame(call.program, program)) throw OTHER_COURSE;
    this.scalars.push([call, scalars]);
    return call.outs;
  }
}
