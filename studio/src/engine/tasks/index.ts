/** Makes the task and the model specification that the settings describe. */
import type { ModelSpec } from 'unspool';
import type { Settings } from '../../settings.js';
import { addingTask, copyTask, countingTask } from './generated.js';
import { birthsTask, sineTask, tableTask } from './series.js';
import type { FetchText, Task, UserData } from './task.js';
import { anbnTask, namesTask, novelTask, textTask } from './text.js';

function userTask(settings: Settings, data: UserData): Task {
  if (!data) throw new Error('No text or table is loaded. Paste, drop or choose a file.');
  if (data.kind === 'table') return tableTask(settings, data);
  return textTask(settings, `${data.name}: predict the next character.`, data.text);
}

/** The task of the preset, over the user's data if the preset is `own`. */
export async function taskOf(settings: Settings, data: UserData, fetchText: FetchText): Promise<Task> {
  switch (settings.preset) {
    case 'counting':
      return countingTask(settings);
    case 'adding':
      return addingTask(settings);
    case 'copy':
      return copyTask(settings);
    case 'anbn':
      return anbnTask(settings);
    case 'sine':
      return sineTask(settings);
    case 'names':
      return namesTask(settings, fetchText);
    case 'novel':
      return novelTask(settings, fetchText);
    case 'births':
      return birthsTask(settings, fetchText);
    case 'own':
      return userTask(settings, data);
  }
}

const CELL_OPTIONS = {
  standard: {},
  coupled: { cell: { gates: 'coupled' } },
  peepholes: { cell: { peepholes: true } },
  layerNorm: { cell: { layerNorm: true } },
} as const;

/** The model for a task. */
export function specOf(settings: Settings, task: Task): ModelSpec {
  const lstm = {
    kind: 'lstm',
    hiddenSize: settings.units,
    bias: 'single',
    ...CELL_OPTIONS[settings.cell],
  } as const;
  return {
    seed: settings.seed,
    ...(task.inputSize === undefined ? {} : { inputSize: task.inputSize }),
    layers: [
      ...task.inputLayers,
      ...Array.from({ length: settings.layers }, () => lstm),
      { kind: 'linear', size: task.outputSize },
    ],
  };
}
