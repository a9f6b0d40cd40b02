/** A live figure for each chapter, drawn from the current model and the selected sequence. */
import type { ComponentType } from 'preact';
import { Architecture } from './Architecture.js';
import { Backpropagation } from './Backpropagation.js';
import { DataPreparation } from './DataPreparation.js';
import { Deployment } from './Deployment.js';
import { Epochs } from './Epochs.js';
import { Evaluation } from './Evaluation.js';
import { FineTuning } from './FineTuning.js';
import { ForwardPass } from './ForwardPass.js';
import { Initialization } from './Initialization.js';
import { Loss } from './Loss.js';
import { ParameterUpdate } from './ParameterUpdate.js';

/** In the order of the chapters. */
export const FIGURES: readonly ComponentType[] = [
  DataPreparation,
  Architecture,
  Initialization,
  ForwardPass,
  Loss,
  Backpropagation,
  ParameterUpdate,
  Epochs,
  Evaluation,
  FineTuning,
  Deployment,
];
