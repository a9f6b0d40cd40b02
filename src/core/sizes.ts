/** The largest sizes of a model. */

/** The largest width or vocabulary; a larger number is a typing error. */
export const MAX_SIZE = 1 << 24;

/** The largest number of layers: a bound for files that claim absurd models. */
export const MAX_LAYERS = 1000;
