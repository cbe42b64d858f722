/** Randomness as a port: a number in [0, 1), like Math.random. */
export type Random = () => number;

export const systemRandom: Random = () => Math.random();
