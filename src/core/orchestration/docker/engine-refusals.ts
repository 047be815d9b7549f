/** Why an engine does not start a container, as it says so, and the same for a person, with the option that it is about. */
const KNOWN: readonly (readonly [RegExp, string])[] = [
  [
    /port is already allocated|bind: address already in use/,
    "a port of the machine is taken that docker.ports names with 'host'. Choose another, or leave 'host' out",
  ],
  [
    /bind: cannot assign requested address/,
    "the machine does not have the 'address' of a port in docker.ports. Choose another, or leave 'address' out",
  ],
  [
    /could not select device driver .*gpu/,
    "the engine has no driver for docker.gpus. Install NVIDIA's container toolkit on its machine, or leave the option out",
  ],
  [/network \S+ not found/, 'the network of docker.network is gone. Make it again, or name another one'],
];

/** What the engine says about a container that it does not start, with words in front if the reason is known. */
export function refusalInWords(said: string): string {
  const known = KNOWN.find(([pattern]) => pattern.test(said));
  return known ? `${known[1]}. The engine says: ${said}` : said;
}
