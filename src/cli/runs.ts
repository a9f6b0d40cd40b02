import { exists } from '../node/read.js';
import { defineCommand } from './command.js';
import { createOutput, OUTPUT_OPTIONS } from './output.js';
import { saveReport } from './paths.js';
import { tableText } from './report/tables.js';
import { problemsOf, runsPage, runsTable, sortRuns } from './runs/compare.js';
import { RUNS } from './runs/files.js';
import { findRuns } from './runs/find.js';
import { flag, text } from './settings.js';

export const runsCommand = defineCommand({
  name: 'runs',
  summary: 'Lists, sorts and compares runs of unspool train: results, and the settings in which they differ.',
  arguments: [{ name: '[DIR...]', help: 'run directories, or folders with run directories in them; runs by default' }],
  options: {
    sort: text({
      placeholder: 'COLUMN',
      help: 'loss, updates, seconds, started, or a setting; runs without it come last',
    }),
    descending: flag('the largest first'),
    html: text({
      placeholder: 'FILE',
      help: 'save the table and the losses by update as one page that opens from disk',
    }),
    ...OUTPUT_OPTIONS,
  },
  savesFiles: true,
  examples: [
    { does: 'list all runs, the best first', line: 'unspool runs --sort loss' },
    { does: 'compare two runs on a page', line: 'unspool runs runs/novel runs/novel-2 --html compared.html' },
  ],
  async run(folders, { sort, descending, html, ...options }) {
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
      await saveReport('--html', html, await runsPage(runs));
      out.print(`\nSaved ${html}`);
    }
    return 0;
  },
});
