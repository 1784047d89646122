/**
 * Once-a-second work of many rollouts takes turns, or every tenth pass would do it all. Routes have mostly two variants, and their slots follow
 * each other. Nothing in it is what a conviction waits for: that is the breaker, and the strata that have just closed.
 * @returns 0, 100, ... 900
 */
export const turnOf = (slot: number): number => ((slot >> 1) % 10) * 100;
