/** What a command says: words for people, or one JSON object a line for programs (`--json`), or nothing (`--quiet`). */
import type { OptionSpec, OptionValues } from './command.js';

export const OUTPUT_OPTIONS = {
  json: { type: 'flag', help: 'one JSON object a line instead of words' },
  quiet: { type: 'flag', help: 'say nothing but errors' },
} as const satisfies Record<string, OptionSpec>;

export interface Output {
  /** A line (or several) for people. */
  say(text: string): void;
  /** A line for people about something that went wrong, but did not end the command: to stderr, whatever the options. */
  warn(text: string): void;
  /** The same thing for programs. */
  record(event: object): void;
  readonly json: boolean;
  readonly quiet: boolean;
  /** A progress bar can be drawn. */
  readonly live: boolean;
}

export function createOutput(options: OptionValues): Output {
  const json = options.json === true;
  const quiet = options.quiet === true;
  return {
    say: (text) => {
      if (!json && !quiet) process.stdout.write(`${text}\n`);
    },
    warn: (text) => {
      process.stderr.write(`unspool: ${text}\n`);
    },
    record: (event) => {
      if (json && !quiet) process.stdout.write(`${JSON.stringify(event)}\n`);
    },
    json,
    quiet,
    live: !json && !quiet && process.stdout.isTTY === true,
  };
}

/** 1234567 as 1,234,567. */
export const grouped = (n: number): string => Math.round(n).toLocaleString('en-US');

/** 75 as 1:15. */
export function clock(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  const [h, m] = [Math.floor(s / 3600), Math.floor((s % 3600) / 60)];
  const two = (n: number): string => String(n).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
}
