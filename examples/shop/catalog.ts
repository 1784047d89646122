/** One thing on sale. Prices are integers in cents, so that no order's total is a rounding question. */
export interface Product {
  readonly id: string;
  readonly name: string;
  readonly priceCents: number;
  readonly stock: number;
}

const kinds = ["lantern", "compass", "kettle", "blanket", "rope", "knife", "stove", "tarp", "mug", "map"] as const;
const makers = ["Alder", "Birch", "Cedar", "Dogwood", "Elm"] as const;

/** The shop's fifty products: fixed, so that both versions sell the same things. */
export const products: readonly Product[] = kinds.flatMap((kind, k) =>
  makers.map((maker, m) => ({
    id: `p${k * makers.length + m + 1}`,
    name: `${maker} ${kind}`,
    priceCents: 900 + ((k * 733 + m * 1_291) % 9_000),
    stock: 1_000_000,
  })),
);

const byId = new Map(products.map((product) => [product.id, product]));

export const findProduct = (id: string): Product | undefined => byId.get(id);

/** Version 2's new feature: what goes with a product. @returns at most `limit` products of the same maker */
export function recommend(product: Product, limit = 3): Product[] {
  const maker = product.name.split(" ")[0];
  return products.filter((other) => other.id !== product.id && other.name.startsWith(`${maker} `)).slice(0, limit);
}
