/** `unspool runs`: lists and compares runs. */
import { exists } from '../../node/read.js';
import { createOutput, type OutputFlags } from '../output.js';
import { saveReport } from '../paths.js';
import { tableText } from '../report/tables.js';
import { problemsOf, runsTable, sortRuns } from './compare.js';
import { RUNS } from './files.js';
import { findRuns } from './find.js';

interface ListOptions extends OutputFlags {
  readonly sort: string | undefined;
  readonly descending: boolean;
  readonly html: string | undefined;
}

/** Prints the runs in folders, and saves a page about them. Returns the exit code. */
export async function listRuns(
  folders: readonly string[],
  { sort, descending, html, ...options }: ListOptions,
): Promise<number> {
  const out = createOutput(options);
  const isDefault = folders.length === 0;
  const found = isDefault && !(await exists(RUNS)) ? [] : await findRuns(isDefault ? [RUNS] : folders);
  const runs = sort === undefined ? found : sortRuns(found, sort, descending);
  for (const run of runs) out.record({ kind: 'run', ...run });
  if (runs.length === 0) {
    out.print(`No runs in ${isDefault ? RUNS : folders.join(', ')}. Begin one with: npx unspool train TEXT`);
  } else out.print(tableText(runsTable(runs)));
  for (const [path, problem] of problemsOf(runs)) out.print(`\n${path}: ${problem}`);
  if (html !== undefined) {
    const { runsPage } = await import('./page.js');
    await saveReport('--html', html, await runsPage(runs));
    out.print(`\nSaved ${html}`);
  }
  return 0;
}
