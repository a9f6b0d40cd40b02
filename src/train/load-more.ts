/** Loads the code that only some trainings need. */
export const loadMore = () => import('./more.js');
