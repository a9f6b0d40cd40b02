/** Reads samples from tables, folders and texts, and finds out which task they are for. */
import { readdir, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { isObject } from '../../checks.js';
import { UnspoolError } from '../../errors.js';
import { fileAccessError } from '../../node/files.js';
import { readText } from '../../node/index.js';
import {
  classification,
  type LabeledData,
  type LabelTask,
  parseClassFiles,
  Table,
  tagging,
} from '../../tasks/index.js';
import { UsageError } from '../command.js';
import { readTable } from '../forecast/read-table.js';
import { sha256, sha256OfFile } from '../hash.js';
import { isRunDirectory } from '../runs/files.js';
import { taskOfRun } from '../runs/task.js';
import { dataOptionsOf, type LabelSettings } from './settings.js';

const IS_TABLE = /\.(csv|tsv|tab|jsonl|ndjson)$/i;

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );

/** The columns of a folder as a table. */
const FOLDER = { text: 'text', label: 'label' } as const;

/** The files of a folder, in order of their names; hidden ones do not count. */
async function filesIn(folder: string): Promise<{ name: string; path: string; isFolder: boolean }[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error) => {
    throw fileAccessError(folder, 'read', error);
  });
  return entries
    .filter(({ name }) => !name.startsWith('.'))
    .map((entry) => ({ name: entry.name, path: join(folder, entry.name), isFolder: entry.isDirectory() }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

const noFiles = (file: string, help: string): UnspoolError =>
  new UnspoolError({ code: 'INVALID_FILE', file, problem: 'the folder is empty.', help });

/** A folder with one text file per class, with one sample per line; or with one folder per class, with one sample per file. */
async function readFolder(folder: string): Promise<Table> {
  const entries = await filesIn(folder);
  const folders = entries.filter((entry) => entry.isFolder);
  if (folders.length === 0) {
    if (entries.length === 0) throw noFiles(folder, 'Write one text file per class into it.');
    const read = async ({ name, path }: { name: string; path: string }) => ({
      ...{ label: basename(name, extname(name)), name: path, text: await readText(path) },
    });
    return parseClassFiles(await Promise.all(entries.map(read)), { name: folder });
  }
  const [texts, labels, files]: [string[], string[], string[]] = [[], [], []];
  for (const { name: label, path } of folders) {
    const samples = await filesIn(path);
    if (samples.length === 0) throw noFiles(path, `Write one text file per sample of the class "${label}".`);
    for (const sample of samples) {
      texts.push((await readText(sample.path)).trim());
      labels.push(label);
      files.push(sample.path);
    }
  }
  return new Table({
    name: folder,
    columns: [FOLDER.text, FOLDER.label],
    cells: [texts, labels],
    lines: texts.map(() => 1),
    files,
  });
}

/** At most one label for so many rows, in a table whose columns are not named by options. */
const ROWS_PER_LABEL = 5;

/** The columns of a table of texts and their classes; null for another table. */
function guessColumns(table: Table): { readonly text: string; readonly label: string } | null {
  const columns = table.describe();
  if (columns.length !== 2) return null;
  const [a, b] = columns as [(typeof columns)[0], (typeof columns)[0]];
  const [label, text] = a.distinct < b.distinct ? [a, b] : [b, a];
  const isLabel = label.distinct > 1 && label.distinct * ROWS_PER_LABEL <= table.rows && label.missing === 0;
  return isLabel && text.type === 'text' && label.type !== 'date' ? { text: text.name, label: label.name } : null;
}

/** What decides the task. */
export interface TaskFlags {
  readonly task?: string | undefined;
  readonly target?: string | undefined;
  readonly config?: string | undefined;
  readonly resume?: string | undefined;
  readonly asText?: boolean;
  readonly label?: string | undefined;
  readonly tags?: string | undefined;
  readonly decimal?: string | undefined;
}

const isLabelTask = (task: unknown): task is LabelTask => task === 'classification' || task === 'tagging';

async function taskInConfig(file: string): Promise<LabelTask | null> {
  try {
    const values: unknown = JSON.parse(await readText(file));
    return isObject(values) && isLabelTask(values.task) ? values.task : null;
  } catch {
    return null; // another task reports what is wrong with the file
  }
}

/** The task that options, a config file or the data are for; null if it is neither classification nor tagging. */
export async function labelTaskOf(file: string | undefined, flags: TaskFlags): Promise<LabelTask | null> {
  const { task, target, config, resume, asText, label, tags } = flags;
  if (task !== undefined && resume === undefined) return isLabelTask(task) ? task : null;
  if (resume !== undefined) {
    const resumed = await taskOfRun(resume);
    return isLabelTask(resumed) ? resumed : null;
  }
  if (target !== undefined || asText) return null;
  if (label !== undefined) return 'classification';
  if (tags !== undefined) return 'tagging';
  if (config !== undefined) return taskInConfig(config);
  if (file === undefined) return null;
  if (await isFolder(file)) return (await isRunDirectory(file)) ? null : 'classification';
  if (!IS_TABLE.test(file)) return null;
  const table = await readTable(file, flags).catch(() => null); // another task reports what is wrong with it
  return table && guessColumns(table) ? 'classification' : null;
}

/** The settings with the columns that follow from the data. Throws `UsageError` if some are missing. */
function withColumns(task: LabelTask, file: string, table: Table, settings: LabelSettings): LabelSettings {
  const { text, values } = settings;
  const key = task === 'classification' ? 'label' : 'tags';
  const guess = task === 'classification' ? guessColumns(table) : null;
  const label = settings[key] ?? guess?.label;
  if (label === undefined)
    throw new UsageError(`missing --${key}: the columns of ${file} are ${table.columns.join(', ')}.`);
  table.strings(label); // throws for a column that the table does not have
  if (text !== undefined || values !== undefined) return { ...settings, [key]: label };
  const others = table.columns.filter((name) => name !== label);
  if (others.length === 1) return { ...settings, [key]: label, text: others[0] };
  throw new UsageError(`missing --text or --values: the columns of ${file} are ${table.columns.join(', ')}.`);
}

/** What was read for a training. */
export interface ReadSources {
  readonly source: Table | string;
  /** The separate test part. */
  readonly test: Table | undefined;
  /** The settings with the columns that follow from the data. */
  readonly settings: LabelSettings;
  /** The files that were read; of a folder, none. */
  readonly files: readonly string[];
}

/** The data of a training, with what it was read from. */
export interface ReadData extends ReadSources {
  readonly data: LabeledData;
}

/** What a training or a test reads: a table, or a plain text. */
export async function readSource(
  file: string,
  { isPlain, decimal }: { isPlain: boolean; decimal?: string | undefined },
): Promise<Table | string> {
  if (isPlain) return readText(file);
  return (await isFolder(file)) ? readFolder(file) : readTable(file, { decimal });
}

/** Reads the data of a task, and finds its columns. Throws `UsageError` for missing ones. */
export async function readSources(task: LabelTask, file: string, given: LabelSettings): Promise<ReadSources> {
  const { testFile, decimal } = given;
  const isPlain = task === 'tagging' && given.tags === undefined && !IS_TABLE.test(file) && !(await isFolder(file));
  const source = await readSource(file, { isPlain, decimal });
  const settings = source instanceof Table ? withColumns(task, file, source, given) : given;
  const test =
    testFile === undefined ? undefined : ((await readSource(testFile, { isPlain: false, decimal })) as Table);
  const files = (await isFolder(file)) ? [] : [file];
  return { source, test, settings, files: testFile === undefined ? files : [...files, testFile] };
}

/** The hashes of what was read; `file` may be a folder. */
export async function hashesOf(file: string, { source, files }: ReadSources): Promise<NamedHash[]> {
  const ofFiles = await Promise.all(files.map(async (one) => ({ file: one, sha256: await sha256OfFile(one) })));
  if (files.includes(file)) return ofFiles;
  const samples = Object.values(FOLDER).map((column) => (source as Table).strings(column));
  return [{ file, sha256: sha256(JSON.stringify(samples)) }, ...ofFiles];
}

/** A file or folder, and the hash of its content. */
export interface NamedHash {
  readonly file: string;
  readonly sha256: string;
}

/** Splits what was read into parts. */
export function labeledData(task: LabelTask, { source, test }: ReadSources, settings: LabelSettings): LabeledData {
  const options = dataOptionsOf(task, settings);
  return task === 'classification' ? classification(source as Table, options, test) : tagging(source, options, test);
}

/** Reads and splits the data of a task. Throws `UsageError` for missing columns. */
export async function readData(task: LabelTask, file: string, given: LabelSettings): Promise<ReadData> {
  const sources = await readSources(task, file, given);
  return { ...sources, data: labeledData(task, sources, sources.settings) };
}
