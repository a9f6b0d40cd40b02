import { backtestCommand } from './backtest.js';
import type { Command } from './command.js';
import { dataCommand } from './data.js';
import { evalCommand } from './eval.js';
import { exportCommand } from './export.js';
import { gradcheckCommand } from './gradcheck.js';
import { importCommand } from './import.js';
import { infoCommand } from './info.js';
import { inspectCommand } from './inspect.js';
import { labCommands } from './lab.js';
import { predictCommand } from './predict.js';
import { runsCommand } from './runs.js';
import { sampleCommand } from './sample.js';
import { trainCommand } from './train.js';
import { tuneCommand } from './tune.js';

/** All commands, in the order of `unspool --help`. */
export const COMMANDS: readonly Command[] = [
  trainCommand,
  dataCommand,
  backtestCommand,
  predictCommand,
  tuneCommand,
  runsCommand,
  sampleCommand,
  evalCommand,
  infoCommand,
  exportCommand,
  importCommand,
  inspectCommand,
  gradcheckCommand,
  ...labCommands,
];
