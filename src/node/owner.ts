/** Which process made a lock or a temporary file, and whether it still runs. */
import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** A process, also of another machine or container. */
export interface Owner {
  readonly pid: number;
  readonly host: string;
  /** Where the process number is valid: a boot of a machine and, on Linux, a namespace, because every container has a process 1. */
  readonly space: string;
  /** When the process started, in ticks since the boot; null where the system does not report it. */
  readonly started: string | null;
}

function orNull<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}

/** Field 22 of /proc/PID/stat. The second field may contain blanks and parentheses. */
const startOf = (pid: number): string | null =>
  orNull(() => readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\)/s, '').trim().split(' ')[19] ?? null);

function spaceOf(host: string): string {
  const boot = orNull(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
  const namespace = orNull(() => readlinkSync('/proc/self/ns/pid'));
  return [boot ?? host, namespace].filter(Boolean).join(' ');
}

let self: Owner | null = null;

/** This process. */
export function ownProcess(): Owner {
  const host = hostname();
  self ??= { pid: process.pid, host, space: spaceOf(host), started: startOf(process.pid) };
  return self;
}

/** A short name of the space of process numbers, for the names of files. */
export const spaceTag = (): string => createHash('sha256').update(ownProcess().space).digest('hex').slice(0, 8);

/** Whether a process of this space runs. */
export function isAlive(pid: number): boolean {
  if (!(pid > 0)) return false; // 0 and negative numbers name groups
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // alive, but belongs to another user
  }
}

/** Whether the process runs; null if that cannot be known here, because it belongs to another machine or container. */
export function isRunning({ pid, space, started }: Owner): boolean | null {
  if (space !== ownProcess().space) return null;
  if (!isAlive(pid)) return false;
  if (pid === process.pid && started === null) return false; // left by an earlier process with this number
  const now = started === null ? null : startOf(pid);
  return now === null || now === started; // otherwise a later process has the number
}
