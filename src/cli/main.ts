#!/usr/bin/env node
/** The command line: finds the command, runs it, and turns what it throws into words and an exit code. */
import { createRequire } from 'node:module';
import { UnspoolError } from '../index.js';
import { type Command, commandHelp, parseCommand, UsageError, usageLine } from './command.js';
import { evalCommand } from './eval.js';
import { gradcheckCommand } from './gradcheck.js';
import { infoCommand } from './info.js';
import { inspectCommand } from './inspect.js';
import { labCommand } from './lab.js';
import { sampleCommand } from './sample.js';
import { trainCommand } from './train.js';

const COMMANDS: readonly Command[] = [
  trainCommand,
  sampleCommand,
  evalCommand,
  gradcheckCommand,
  labCommand,
  inspectCommand,
  infoCommand,
];

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };

function overview(): string {
  const width = Math.max(...COMMANDS.map((c) => c.name.length)) + 2;
  return [
    `unspool ${version}: an LSTM engine with every gate and gradient in the open\n`,
    'unspool COMMAND ...\n',
    ...COMMANDS.map((c) => `  ${c.name.padEnd(width)}${c.summary}`),
    "\nunspool COMMAND --help tells a command's options, with examples.",
    'Exit codes: 0 done, 1 failed or interrupted, 2 wrong command line or setting.',
  ].join('\n');
}

async function main(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    console.log(overview());
    return name === undefined ? 2 : 0;
  }
  if (name === '--version') {
    console.log(version);
    return 0;
  }
  const command = COMMANDS.find((c) => c.name === name);
  if (!command) {
    console.error(`unspool: there is no command "${name}". Known: ${COMMANDS.map((c) => c.name).join(', ')}.`);
    return 2;
  }
  try {
    const { args, options } = parseCommand(command, rest);
    if (options.help) {
      console.log(commandHelp(command));
      return 0;
    }
    return await command.run(args, options);
  } catch (error) {
    return report(command, error);
  }
}

function report(command: Command, error: unknown): number {
  if (error instanceof UsageError) {
    console.error(`unspool ${command.name}: ${error.message}.\nUsage: ${usageLine(command)}`);
    return 2;
  }
  if (error instanceof UnspoolError) {
    console.error(`unspool ${command.name}: ${error.message}`);
    return error.code === 'INVALID_SETTING' ? 2 : 1;
  }
  throw error; // a bug: the stack is what helps
}

// Somebody who reads only the first lines (`| head`) has closed the pipe: that is no failure. A training goes on for its
// file's sake.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  if (process.argv[2] !== trainCommand.name) process.exit(0);
});

process.exitCode = await main(process.argv.slice(2));
