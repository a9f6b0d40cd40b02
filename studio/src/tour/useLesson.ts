/** The data of a figure, which the worker computes. */
import { useEffect, useState } from 'preact/hooks';
import { lesson } from '../actions.js';
import type { LessonName, LessonResult, Lessons } from '../engine/lessons/index.js';

/** The result for the latest options; until it is there, that of the options before, or null. */
export function useLesson<K extends LessonName>(name: K, ...options: Parameters<Lessons[K]>): LessonResult<K> | null {
  const [result, setResult] = useState<LessonResult<K> | null>(null);
  const key = JSON.stringify(options);
  useEffect(() => {
    let current = true;
    void lesson(name, options).then((answer) => {
      if (current && answer !== null) setResult(() => answer);
    });
    return () => {
      current = false;
    };
  }, [name, key]);
  return result;
}
