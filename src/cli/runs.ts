import { defineCommand } from './command.js';
import { OUTPUT_OPTIONS } from './output.js';
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
  async run(folders, options) {
    return (await import('./runs/list.js')).listRuns(folders, options);
  },
});
