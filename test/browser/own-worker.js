/** A custom worker file. */
import { serve } from 'unspool/worker';

serve();
