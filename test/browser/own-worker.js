/** A worker file of a page's own. */
import { serve } from 'unspool/worker';

serve();
