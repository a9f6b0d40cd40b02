/** The tour's figures: each has data and a model of its chapter, whatever the other views show. */
import { dataPreparation } from './data-preparation.js';
import { initialization } from './initialization.js';
import { parameterUpdate } from './parameter-update.js';

export const LESSONS = { dataPreparation, initialization, parameterUpdate };
export type Lessons = typeof LESSONS;
export type LessonName = keyof Lessons;
export type LessonResult<K extends LessonName> = Awaited<ReturnType<Lessons[K]>>;
