/** What a command prints: text for people, one JSON object per line for programs (`--json`), or nothing (`--quiet`). */
import { flag, type ValuesOf } from './settings.js';

export const OUTPUT_OPTIONS = {
  json: flag('print one JSON object per line instead of text', 'Output'),
  quiet: flag('print nothing but errors and warnings', 'Output'),
};

export type OutputFlags = ValuesOf<typeof OUTPUT_OPTIONS>;

export interface Output {
  readonly json: boolean;
  readonly quiet: boolean;
  /** Whether a progress bar can be drawn: text output to a terminal. */
  readonly live: boolean;
  /** Prints one or more lines for people. */
  print(text: string): void;
  /** Prints a problem that does not end the command to stderr, whatever the flags are. */
  warn(text: string): void;
  /** Prints an event for programs. */
  record(event: object): void;
}

export function createOutput({ json, quiet }: OutputFlags): Output {
  return {
    json,
    quiet,
    live: !json && !quiet && process.stdout.isTTY === true,
    print: (text) => {
      if (!json && !quiet) process.stdout.write(`${text}\n`);
    },
    warn: (text) => {
      process.stderr.write(`unspool: ${text}\n`);
    },
    record: (event) => {
      if (json && !quiet) process.stdout.write(`${JSON.stringify(event)}\n`);
    },
  };
}

/** A setting of any type in a cell of a table: an object as JSON. */
export const settingText = (value: unknown): string =>
  typeof value === 'object' ? JSON.stringify(value) : String(value);

/** 1234567 as 1,234,567. */
export const grouped = (n: number): string => Math.round(n).toLocaleString('en-US');

/** 75 seconds as 1:15. */
export function clock(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  const [h, m] = [Math.floor(s / 3600), Math.floor((s % 3600) / 60)];
  const two = (n: number): string => String(n).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
}
