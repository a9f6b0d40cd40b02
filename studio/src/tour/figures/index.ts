/** A live figure for each chapter. */
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

interface ChapterFigure {
  readonly Figure: ComponentType;
  /** What the figure shows: a model of its chapter, or the model that the other views show. */
  readonly model: 'own' | 'current';
}

/** In the order of the chapters. */
export const FIGURES: readonly ChapterFigure[] = [
  { Figure: DataPreparation, model: 'own' },
  { Figure: Architecture, model: 'current' },
  { Figure: Initialization, model: 'own' },
  { Figure: ForwardPass, model: 'own' },
  { Figure: Loss, model: 'own' },
  { Figure: Backpropagation, model: 'own' },
  { Figure: ParameterUpdate, model: 'own' },
  { Figure: Epochs, model: 'current' },
  { Figure: Evaluation, model: 'current' },
  { Figure: FineTuning, model: 'current' },
  { Figure: Deployment, model: 'current' },
];
