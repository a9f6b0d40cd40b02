/** Runs a command in this process, which takes no time to start. Errors are thrown, not printed. */
import { existsSync, lstatSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, jest } from '@jest/globals';
import type { Command } from '../../src/cli/command.js';
import { parseCommand } from '../../src/cli/parse.js';

const made: string[] = [];
afterAll(() => {
  for (const path of made) rmSync(path, { recursive: true, force: true });
});

/** A temporary folder, removed after the tests of the file. */
export function temporaryFolder() {
  const path = mkdtempSync(join(tmpdir(), 'unspool-test-'));
  made.push(path);
  const at = (name: string): string => join(path, name);
  return {
    at,
    write: (name: string, content: string | Uint8Array): string => {
      writeFileSync(at(name), content);
      return at(name);
    },
    read: (name: string): Buffer => readFileSync(at(name)),
    has: (name: string): boolean => existsSync(at(name)),
    isLink: (name: string): boolean => lstatSync(at(name)).isSymbolicLink(),
  };
}

/** What the command prints. It must return 0. */
export async function runHere(command: Command, ...argv: readonly string[]): Promise<string> {
  let stdout = '';
  const spy = jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
    stdout += String(text);
    return true;
  });
  try {
    const { args, options } = parseCommand(command, argv);
    const code = await command.run(args, options);
    if (code !== 0) throw new Error(`${command.name} gave ${code}`);
  } finally {
    spy.mockRestore();
  }
  return stdout;
}
