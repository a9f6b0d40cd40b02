#!/usr/bin/env node
/**
 * The command line: finds the command, runs it, and turns errors into messages and exit codes. This file and the tables of the
 * commands are all that `--help` and a wrong command line need: `run` of a command loads the rest.
 */
import { didYouMean } from '../checks.js';
import { UnspoolError } from '../errors.js';
import { type Command, UsageError } from './command.js';
import { COMMANDS } from './commands.js';
import { commandHelp, overview, usageLine } from './help.js';
import { parseCommand } from './parse.js';
import { watchOutput } from './streams.js';
import { VERSION } from './version.js';

const TITLE = `unspool ${VERSION}: an LSTM engine that shows every gate and gradient`;
const HELP = ['--help', '-h', 'help'];

const print = (text: string): boolean => process.stdout.write(`${text}\n`);
const printError = (text: string): boolean => process.stderr.write(`${text}\n`);

/** The command that the first words name, and the words after its name. */
function findCommand(argv: readonly string[]): { command: Command; rest: readonly string[] } | null {
  for (const command of COMMANDS) {
    const words = command.name.split(' ');
    if (words.every((word, i) => word === argv[i])) return { command, rest: argv.slice(words.length) };
  }
  return null;
}

/** For a command line that names no command: the help, the help of a group, or an error. */
function withoutCommand([first, second]: readonly string[]): number {
  const group = COMMANDS.filter(({ name }) => name.startsWith(`${first} `));
  const asksForHelp = HELP.includes(first ?? '') || (group.length > 0 && HELP.includes(second ?? ''));
  if (first === undefined || asksForHelp || (group.length > 0 && second === undefined)) {
    print(overview(TITLE, group.length > 0 ? group : COMMANDS));
    return asksForHelp ? 0 : 2;
  }
  if (first === '--version') {
    print(VERSION);
    return 0;
  }
  const word = group.length > 0 ? `${first} ${second}` : first;
  const names = (group.length > 0 ? group : COMMANDS).map(({ name }) => name);
  printError(`unspool: unknown command "${word}".${didYouMean(word, names)} Commands: ${names.join(', ')}.`);
  return 2;
}

async function main(argv: readonly string[]): Promise<number> {
  const found = findCommand(argv);
  if (!found) return withoutCommand(argv);
  const { command, rest } = found;
  try {
    const { args, options, help } = parseCommand(command, rest);
    if (help) {
      print(commandHelp(command));
      return 0;
    }
    if (command.savesFiles) output.continueAnyway();
    return await command.run(await withModels(command, args), options);
  } catch (error) {
    return report(command, error);
  }
}

/** The arguments, in which a run directory given as MODEL is replaced by its model file. */
async function withModels(command: Command, args: readonly string[]): Promise<readonly string[]> {
  const isModel = args.map((_, i) => command.arguments[i]?.name.includes('MODEL'));
  if (!isModel.includes(true)) return args;
  const { modelFileOf } = await import('./runs/files.js');
  return Promise.all(args.map((arg, i) => (isModel[i] ? modelFileOf(arg) : arg)));
}

function report(command: Command, error: unknown): number {
  if (error instanceof UsageError) {
    printError(`unspool ${command.name}: ${error.message}\nUsage: ${usageLine(command)}`);
    return 2;
  }
  if (error instanceof UnspoolError) {
    printError(`unspool ${command.name}: ${error.message}`);
    return error.code === 'INVALID_SETTING' ? 2 : 1;
  }
  throw error; // a defect of this program: show the stack
}

const output = watchOutput();
const code = await main(process.argv.slice(2));
process.exitCode = (await output.finish()) ? code || 1 : code;
