/** The help of commands, made from their tables. */
import type { Command } from './command.js';
import { dashed, type Setting, type Settings } from './settings.js';
import { KEEP, lineWidth, wrapped } from './wrap.js';

export const usageLine = ({ name, arguments: args }: Command): string =>
  ['unspool', name, ...args.map((argument) => argument.name), '[options]'].join(' ');

type Row = readonly [left: string, right: string];

function rows(list: readonly Row[], leftWidth: number): string[] {
  return list.flatMap(([left, right]) =>
    wrapped(right, lineWidth() - leftWidth - 2).map((line, i) => `  ${(i === 0 ? left : '').padEnd(leftWidth)}${line}`),
  );
}

const placeholderOf = ({ type, placeholder }: Setting<unknown>): string =>
  type === 'flag' ? '' : ` ${placeholder ?? (type === 'text' ? 'NAME' : 'N')}`;

function optionRow([key, one]: [string, Setting<unknown>]): Row {
  const value = one.defaultText ?? (one.type === 'flag' ? undefined : one.default);
  return [
    `--${dashed(key)}${placeholderOf(one)}`,
    value === undefined ? one.help : `${one.help} (default:${KEEP}${value})`,
  ];
}

/** Options under their headings, in the order of the table. */
function groupsOf(settings: Settings): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const entry of Object.entries(settings)) {
    const group = entry[1].group ?? 'Options';
    groups.set(group, [...(groups.get(group) ?? []), optionRow(entry)]);
  }
  return groups;
}

/** What `unspool COMMAND --help` prints. */
export function commandHelp(command: Command): string {
  const args = command.arguments.map(({ name, help }): Row => [name.replace(/[[\]]/g, ''), help]);
  const sections = [...(args.length > 0 ? [['Arguments', args] as const] : []), ...groupsOf(command.options)];
  const width = Math.max(...sections.flatMap(([, list]) => list.map(([left]) => left.length))) + 2;
  return [
    `Usage: ${usageLine(command)}\n`,
    ...wrapped(command.summary, lineWidth()),
    ...sections.flatMap(([heading, list]) => ['', heading, ...rows(list, width)]),
    '',
    'Examples',
    ...command.examples.flatMap(({ line, does }) => [`  # ${does}`, `  ${line}`]),
  ].join('\n');
}

/** A list of commands, as `unspool --help` and the help of a group print it. */
export function overview(title: string, commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length)) + 2;
  return [
    title,
    '',
    'Usage: unspool COMMAND [arguments] [options]',
    '',
    'Commands',
    ...rows(
      commands.map(({ name, summary }) => [name, summary]),
      width,
    ),
    '',
    ...wrapped('Run "unspool COMMAND --help" for the options of a command, with examples.', lineWidth()),
    ...wrapped('Exit codes: 0 success, 1 failed or interrupted, 2 invalid command line or setting.', lineWidth()),
  ].join('\n');
}
