/** The module of the workers that `createModelInWorker` starts. */
import { serve } from './serve.js';

serve();
