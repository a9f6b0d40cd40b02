/** The tour's figures: each has data and a model of its chapter, whatever the other views show. */
import { backpropagation } from './backpropagation.js';
import { dataPreparation } from './data-preparation.js';
import { forwardPass } from './forward-pass.js';
import { initialization } from './initialization.js';
import { loss } from './loss.js';
import { parameterUpdate } from './parameter-update.js';

export const LESSONS = { dataPreparation, initialization, forwardPass, loss, backpropagation, parameterUpdate };
export type Lessons = typeof LESSONS;
export type LessonName = keyof Lessons;
export type LessonResult<K extends LessonName> = Awaited<ReturnType<Lessons[K]>>;
