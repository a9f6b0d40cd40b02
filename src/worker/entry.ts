/** What runs in a worker of our own. */
import { serve } from './serve.js';

serve();
