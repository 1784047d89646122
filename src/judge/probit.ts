/**
 * The quantile function of the standard normal distribution: Acklam's rational approximation ("An algorithm for
 * computing the inverse normal cumulative distribution function", 2003), relative error below 1.2e-9.
 * @param p in (0, 1); values outside are clamped to [1e-12, 1 - 1e-12], so that the result is always finite
 */
export function probit(p: number): number {
  const q = Math.min(1 - 1e-12, Math.max(1e-12, p));
  if (q < lowTail) return tail(Math.sqrt(-2 * Math.log(q)));
  if (q > 1 - lowTail) return -tail(Math.sqrt(-2 * Math.log1p(-q)));
  const d = q - 0.5;
  const s = d * d;
  return (
    ((((((a[0]! * s + a[1]!) * s + a[2]!) * s + a[3]!) * s + a[4]!) * s + a[5]!) * d) /
    (((((b[0]! * s + b[1]!) * s + b[2]!) * s + b[3]!) * s + b[4]!) * s + 1)
  );
}

const lowTail = 0.02425;
const a = [-3.969683028665376e1, 2.209460984245205e2, -2.759285104469687e2, 1.38357751867269e2, -3.066479806614716e1, 2.506628277459239];
const b = [-5.447609879822406e1, 1.615858368580409e2, -1.556989798598866e2, 6.680131188771972e1, -1.328068155288572e1];
const c = [-7.784894002430293e-3, -3.223964580411365e-1, -2.400758277161838, -2.549732539343734, 4.374664141464968, 2.938163982698783];
const d = [7.784695709041462e-3, 3.224671290700398e-1, 2.445134137142996, 3.754408661907416];

const tail = (r: number): number =>
  (((((c[0]! * r + c[1]!) * r + c[2]!) * r + c[3]!) * r + c[4]!) * r + c[5]!) / ((((d[0]! * r + d[1]!) * r + d[2]!) * r + d[3]!) * r + 1);
