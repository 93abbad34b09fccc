import { describe, expect, it, vi } from "vitest";
import type { Tokens } from "../src/api/entities";
import { type Login, Session, type Storage, type TokenCalls } from "../src/api/session";
import { Refused, SignedOut, Unreachable } from "../src/errors";

const tokens = (n: number): Tokens => ({ access_token: `access-${n}`, expires_in: 900, refresh_token: `refresh-${n}` });

function given(refresh: TokenCalls["refresh"] = async () => tokens(2)) {
  const kept: { login: Login | null } = { login: null };
  const storage: Storage = {
    read: () => kept.login,
    write: (login) => (kept.login = login),
    clear: () => (kept.login = null),
  };
  const clock = { ms: 0 };
  const calls = { token: vi.fn(async () => tokens(1)), refresh: vi.fn(refresh), logout: vi.fn(async () => {}) };
  const session = new Session(
    calls,
    storage,
    (work) => work(),
    () => clock.ms,
  );
  const onEnd = vi.fn();
  session.onEnd = onEnd;
  return { session, calls, kept, clock, onEnd };
}

describe("a session", () => {
  it("is not open before the login", async () => {
    const { session } = given();
    expect(session.open).toBe(false);
    await expect(session.accessToken()).rejects.toBeInstanceOf(SignedOut);
  });

  it("gives the token of the login until shortly before it ends, then renews it", async () => {
    const { session, clock } = given();
    await session.begin("ada", "secret", true);
    clock.ms = 839_000;
    expect(await session.accessToken()).toBe("access-1");
    clock.ms = 841_000;
    expect(await session.accessToken()).toBe("access-2");
  });

  it("renews once for many callers", async () => {
    const { session, clock, calls } = given();
    await session.begin("ada", "secret", true);
    clock.ms = 900_000;
    const all = await Promise.all([session.accessToken(), session.accessToken(), session.accessToken()]);
    expect(all).toEqual(["access-2", "access-2", "access-2"]);
    expect(calls.refresh).toHaveBeenCalledTimes(1);
  });

  it("renews a token that the server turned down", async () => {
    const { session } = given();
    await session.begin("ada", "secret", true);
    expect(await session.accessToken("access-1")).toBe("access-2");
  });

  it("takes the token that another tab has just fetched", async () => {
    const { session, kept } = given(async () => {
      kept.login = { access: "access-9", refresh: "refresh-9", renewAtMs: 1e9 };
      throw new Refused(401, "Unauthorized", "used before");
    });
    await session.begin("ada", "secret", true);
    expect(await session.accessToken("access-1")).toBe("access-9");
  });

  it("ends when the renewal is refused", async () => {
    const { session, onEnd } = given(async () => {
      throw new Refused(401, "Unauthorized", "revoked");
    });
    await session.begin("ada", "secret", true);
    await expect(session.accessToken("access-1")).rejects.toBeInstanceOf(SignedOut);
    expect(session.open).toBe(false);
    expect(onEnd).toHaveBeenCalledOnce();
  });

  it.each([new Unreachable("no link"), new Refused(503, "Unavailable", ""), new Refused(429, "Too many", "")])(
    "outlives a renewal that failed for now (%s)",
    async (error) => {
      const { session } = given(async () => {
        throw error;
      });
      await session.begin("ada", "secret", true);
      await expect(session.accessToken("access-1")).rejects.toBe(error);
      expect(session.open).toBe(true);
    },
  );

  it("ends here even when the server cannot be told", async () => {
    const { session, calls } = given();
    calls.logout.mockRejectedValueOnce(new Unreachable("no link"));
    await session.begin("ada", "secret", true);
    await session.end();
    expect(session.open).toBe(false);
  });
});
