/** @import {Env} from './types.js' */

/** A call into a network that went away must end: a refresh holds a lock meanwhile. */
const TIMEOUT_MS = 20_000;

/** A refusal of the server (`application/problem+json`), or no answer at all: then `code` is `unavailable`. */
export class ApiError extends Error {
  /** @param {number} status @param {string} code @param {string} message @param {number} [retry_after_ms] */
  constructor(status, code, message, retry_after_ms) {
    super(message);
    this.status = status;
    this.code = code;
    this.retry_after_ms = retry_after_ms;
  }
}

/**
 * One REST call.
 * @param {Env} env @param {string} method @param {string} path below `/v1`
 * @param {{body?: any, token?: string, key?: string}} [options] `key`: the `Idempotency-Key`
 */
export async function call(env, method, path, { body, token, key } = {}) {
  /** @type {{[name: string]: string}} */
  const headers = {};
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (token) headers.Authorization = `Bearer ${token}`;
  if (key) headers['Idempotency-Key'] = key;
  let response;
  let json;
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    response = await env.fetch(`${env.base}/v1${path}`, { method, headers, signal, body: JSON.stringify(body) });
    json = JSON.parse((await response.text()) || '{}');
  } catch {
    // Broken off, or the answer of something on the way.
    if (!response || response.ok) throw new ApiError(0, 'unavailable', 'No connection to the server.');
  }
  if (response.ok) return json;
  const wait_s = response.headers.get('Retry-After');
  throw new ApiError(
    response.status,
    json?.code ?? (response.status >= 500 ? 'unavailable' : 'invalid_request'),
    json?.detail || json?.title || `HTTP ${response.status}`,
    wait_s ? +wait_s * 1000 : undefined,
  );
}
