/** What the name that a driver gives itself tells. */

/** Drivers that compute on the processor. */
const SOFTWARE = /swiftshader|llvmpipe|softpipe|basic render/i;

/** Whether a dispatch costs more than some arithmetic, so that the cell may as well work out the product that it reads. */
export const fusesOn = (adapter: string): boolean => !SOFTWARE.test(adapter);

/** Threads that keep an adapter busy: beyond them, a thread may as well do more. */
export const atOnceOf = (adapter: string): number => (SOFTWARE.test(adapter) ? 64 : 8192);
