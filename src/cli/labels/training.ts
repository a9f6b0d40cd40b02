/** The options of the training of a classifier or a tagger. */
import type { Precision } from '../../index.js';
import type { TrainLabelerOptions } from '../../tasks/index.js';
import { type BackendFlags, placeOf } from '../train/backend.js';
import { type LabelSettings, trainingOptionsOf } from './settings.js';

export const trainingOf = (settings: LabelSettings, flags: BackendFlags): TrainLabelerOptions => ({
  ...trainingOptionsOf(settings),
  backend: placeOf(flags, settings.precision as Precision | undefined),
});
