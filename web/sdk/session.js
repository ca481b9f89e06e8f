/** @import {Env, Tokens} from './types.js' */
import { ApiError, call } from './rest.js';

/** The session is over: only a new sign-in helps. */
export class Ended extends Error {}

/**
 * The tokens of this browser. The refresh token rotates, so one tab at a time may use it: `lock` runs a call alone
 * among all tabs, and who waited finds the successor in the vault.
 */
export class Session {
  /**
   * @param {Env} env
   * @param {{get(): Tokens | null, set(tokens: Tokens | null): void}} vault shared by all tabs
   * @param {<T>(call: () => Promise<T>) => Promise<T>} lock
   */
  constructor(env, vault, lock) {
    this.env = env;
    this.vault = vault;
    this.lock = lock;
  }

  get tokens() {
    return this.vault.get();
  }

  /** @param {"register" | "login"} how @param {any} body @returns {Promise<Tokens>} */
  async enter(how, body) {
    return this.#keep(await call(this.env, 'POST', `/auth/${how}`, { body }));
  }

  /** An access token that is good for a while. @param {string} [stale] one the server refused @returns {Promise<string>} */
  async token(stale) {
    /** @param {Tokens} tokens */
    const good = (tokens) => tokens.access_token !== stale && tokens.expires_at > this.env.now() + 2000;
    const tokens = this.tokens;
    if (!tokens) throw new Ended();
    if (good(tokens)) return tokens.access_token;
    return this.lock(async () => {
      const latest = this.tokens;
      if (!latest) throw new Ended();
      if (good(latest)) return latest.access_token;
      try {
        const body = { refresh_token: latest.refresh_token };
        return this.#keep(await call(this.env, 'POST', '/auth/refresh', { body }), latest).access_token;
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 401) throw error;
        this.vault.set(null);
        throw new Ended();
      }
    });
  }

  /** A call as this user; a refused token is refreshed once.
   * @param {string} method @param {string} path @param {{body?: any, key?: string}} [options] */
  async call(method, path, options) {
    const token = await this.token();
    try {
      return await call(this.env, method, path, { ...options, token });
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error;
      return call(this.env, method, path, { ...options, token: await this.token(token) });
    }
  }

  async leave() {
    await this.call('POST', '/auth/logout').catch(() => {});
    this.vault.set(null);
  }

  /** @param {any} answer @param {Tokens} [before] @returns {Tokens} */
  #keep(answer, before) {
    const { expires_in_ms, ...rest } = { ...before, ...answer };
    const tokens = { ...rest, expires_at: this.env.now() + expires_in_ms };
    this.vault.set(tokens);
    return tokens;
  }
}
