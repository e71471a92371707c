// The official client against a running Pointport: every call of contract.md 2 to 6, and a webhook (7).
//
// Nothing in the client is changed. Its requests to www.wixapis.com are sent to the server at POINTPORT_URL instead,
// with the paths that the client chose.
import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { createServer } from "node:http";
import { after, before, test } from "node:test";

import * as accounts from "@wix/auto_sdk_loyalty_accounts";
import * as imports from "@wix/auto_sdk_loyalty_imports";
import * as programs from "@wix/auto_sdk_loyalty_programs";
import * as transactions from "@wix/auto_sdk_loyalty_transactions";
import { ApiKeyStrategy, AppStrategy, createClient } from "@wix/sdk";

const { POINTPORT_URL: base, POINTPORT_API_KEY: apiKey, POINTPORT_SITE: siteId } = process.env;
const modules = { accounts, imports, programs, transactions };
const LOYALTY_APP = "553c79f3-5625-4f38-b14b-ef7c0d1e87df";
const NOBODY = "5cc0b472-e488-4de3-92ba-bd718a44933a";

/** Sends what is meant for `host` to the server, and keeps the bodies in `sent`. */
const sent = [];
const to = (host) => (url, options) => {
  if (options?.body) sent.push(JSON.parse(options.body));
  return fetch(String(url).replace(`https://${host}`, base), options);
};

const client = createClient({ modules, auth: ApiKeyStrategy({ siteId, apiKey }), fetch: to("www.wixapis.com") });

/** The same client told of another host: it then asks for the paths with /_api before them. */
const elsewhere = createClient({
  modules,
  auth: ApiKeyStrategy({ siteId, apiKey }),
  host: { apiBaseUrl: "loyalty.example.com" },
  fetch: to("loyalty.example.com"),
});

/** Asks for what the client has no function for. */
async function ask(method, path, body) {
  const answer = await fetch(`${base}${path}`, {
    method,
    headers: { Authorization: apiKey, "wix-site-id": siteId },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  return JSON.parse(text);
}

async function until(look, isThere) {
  for (const deadline = Date.now() + 60_000; ; ) {
    const found = await look();
    if (isThere(found)) return found;
    assert.ok(Date.now() < deadline, `waited in vain; last seen: ${JSON.stringify(found)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** What the client throws, as a program sees it. */
async function thrown(call) {
  try {
    await call();
  } catch (error) {
    return { status: error.status, ...error.details.applicationError, violations: error.details.validationError?.fieldViolations };
  }
  assert.fail("nothing was thrown");
}

async function contact(email, first) {
  const info = { name: { first }, emails: { items: [{ tag: "MAIN", email, primary: true }] } };
  return (await ask("POST", "/contacts/v4/contacts", { info })).contact.id;
}

async function createImport(csv) {
  const { filePath, uploadUrl } = await client.imports.createLoyaltyImportFileUrl();
  const uploaded = await fetch(uploadUrl, { method: "PUT", body: csv, headers: { "Content-Type": "text/csv" } });
  assert.equal(uploaded.status, 200);
  const created = await client.imports.createLoyaltyImport(filePath, { fileName: "sample.csv", fileSize: csv.length });
  const id = created.loyaltyImport._id;
  return { filePath, created, id, look: () => client.imports.getLoyaltyImport(id) };
}

async function runImport(csv) {
  const { filePath, created, id, look } = await createImport(csv);
  const parsed = await until(look, (found) => found.status === "PARSED");
  const begun = await client.imports.executeLoyaltyImport(id, MAPPING);
  return { filePath, created, parsed, begun, done: await until(look, (found) => found.status === "IMPORTED") };
}

const MAPPING = {
  headerMappingInfo: {
    headerMappings: [
      { columnName: "EMAIL", columnIndex: 1 },
      { columnName: "POINTS", columnIndex: 2 },
    ],
  },
};
const CSV = "Name,Email,Points balance\r\nAda,ada@example.com,15\r\nBob,bob@example.com,20\r\nNo,nobody@example.com,5\r\n";
const events = [];
let receiver, appClient, ada, bob, first;

before(async () => {
  receiver = createServer((request, answer) => {
    let body = "";
    request.on("data", (piece) => (body += piece));
    request.on("end", () => {
      events.push({ body, type: request.headers["content-type"] });
      answer.end();
    });
  });
  await new Promise((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  await ask("POST", "/pointport/v1/webhooks", {
    targetUrl: `http://127.0.0.1:${receiver.address().port}/hook`,
    eventTypes: [
      "wix.loyalty.imports.v1.loyalty_import_created",
      "wix.loyalty.v1.account_created",
      "wix.loyalty.v1.account_updated",
      "wix.loyalty.v1.account_points_updated",
      "wix.loyalty.v1.program_updated",
    ],
  });
  const { keys } = await ask("GET", "/pointport/v1/webhook-keys");
  appClient = createClient({ modules, auth: AppStrategy({ appId: LOYALTY_APP, publicKey: keys[0].publicKey }) });
  ada = await contact("ada@example.com", "Ada");
  bob = await contact("bob@example.com", "Bob");
  first = await runImport(CSV);
});

after(() => receiver.close());

test("an import goes all the way (2.1 to 2.5, 3, 4)", () => {
  const { filePath, created, parsed, begun, done } = first;
  assert.equal(created.loyaltyImport.status, "INITIATED");
  assert.equal(created.loyaltyImport.revision, "1");
  assert.ok(created.loyaltyImport._createdDate instanceof Date);
  assert.equal(created.loyaltyImport.fileMetadata.url, filePath);
  assert.deepEqual(parsed.fileMetadata.header.values, ["Name", "Email", "Points balance"]);
  assert.equal(parsed.parseResult.parsedRowCount, 3);
  assert.equal(begun.loyaltyImport.status, "IMPORTING");
  assert.deepEqual(begun.loyaltyImport.importResult, { errorFileExists: false });
  assert.deepEqual(done.importResult, { errorFileExists: true, successCount: 2, failureCount: 1 });
  assert.ok(Number(done.revision) > Number(begun.loyaltyImport.revision));
});

test("the failed rows can be had (2.6)", async () => {
  const { url } = await client.imports.getErrorFileDownloadUrl(first.done._id);
  const text = await (await fetch(url)).text();
  assert.match(text, /nobody@example\.com,5,4,FAILED,CONTACT_NOT_FOUND,/);
});

test("imports can be queried, forwards and back (2.7)", async () => {
  await runImport(CSV);
  const page = await client.imports.queryLoyaltyImports().eq("status", "IMPORTED").descending("_createdDate").limit(1).find();
  assert.equal(page.items.length, 1);
  assert.ok(page.items[0]._createdDate instanceof Date);
  assert.ok(page.hasNext());
  const next = await page.next();
  assert.equal(next.items[0]._id, first.done._id);
  assert.ok(next.hasPrev());
  assert.equal((await next.prev()).items[0]._id, page.items[0]._id);
  const found = await client.imports.queryLoyaltyImports().ne("status", "FAILED").le("_updatedDate", new Date()).find();
  assert.equal(found.items.length, 2);
});

test("a page can be skipped to (2.7)", async () => {
  const newest = () => client.imports.queryLoyaltyImports().eq("status", "IMPORTED").descending("_createdDate").limit(1);
  const page = await newest().find();
  const { next } = page.cursors;
  const skipped = await client.imports.queryLoyaltyImports().limit(1).skipTo(next).find();
  assert.deepEqual(sent.at(-1), { query: { cursorPaging: { cursor: next, limit: 1 } } });
  assert.deepEqual(skipped.items.map(({ _id }) => _id), [first.done._id]);
  assert.equal((await skipped.prev()).items[0]._id, page.items[0]._id);
});

test("imports can be queried by a typed query and its helpers (2.7)", async () => {
  const since = new Date(first.done._createdDate);
  const sort = [{ fieldName: "_createdDate", order: "ASC" }];
  const typed = { filter: { status: { $in: ["IMPORTED", "FAILED"] }, _createdDate: { $gte: since } }, sort };
  const found = await client.imports.queryLoyaltyImports(typed);
  assert.deepEqual(sent.at(-1), {
    query: {
      filter: { status: { $in: ["IMPORTED", "FAILED"] }, createdDate: { $gte: since.toISOString() } },
      sort: [{ fieldName: "createdDate", order: "ASC" }],
    },
  });
  assert.equal(found.loyaltyImports[0]._id, first.done._id);
  assert.ok(found.loyaltyImports[0]._createdDate instanceof Date);
  assert.deepEqual(found.pagingMetadata, { count: found.loyaltyImports.length, cursors: {}, hasNext: false });
  const { loyaltyImports } = await client.imports.queryLoyaltyImports({ ...typed, cursorPaging: { limit: 1 } });
  assert.deepEqual(loyaltyImports.map(({ _id }) => _id), [first.done._id]);

  const { Filter, QueryBuilder, Sort } = imports;
  const of = (expression) => QueryBuilder().withFilter(expression).withSorting(Sort("_createdDate").asc()).build();
  const both = Filter.and(Filter("status").eq("IMPORTED"), Filter.not(Filter("status").eq("FAILED")));
  const held = await client.imports.queryLoyaltyImports(of(both));
  assert.deepEqual(sent.at(-1).query.filter, {
    $and: [{ status: { $eq: "IMPORTED" } }, { $not: { status: { $eq: "FAILED" } } }],
  });
  assert.ok(held.loyaltyImports.length >= 2);
  assert.equal(held.loyaltyImports[0]._id, first.done._id);
  const none = Filter.or(Filter("status").in(["INITIATED"]), Filter("_updatedDate").lt(since).exists());
  assert.deepEqual((await client.imports.queryLoyaltyImports(of(none))).loyaltyImports, []);
});

test("a file that cannot be read is a failed import (4)", async () => {
  const { id, created, look } = await createImport("");
  const failed = await until(look, (found) => found.status === "FAILED");
  assert.deepEqual(failed.parseResult, { parseErrorReason: "EMPTY_FILE" });
  assert.equal(failed.importResult, undefined);
  assert.ok(Number(failed.revision) > Number(created.loyaltyImport.revision));
  const refused = await thrown(() => client.imports.executeLoyaltyImport(id, MAPPING));
  assert.deepEqual([refused.status, refused.code, refused.data.status], [428, "INVALID_IMPORT_STATUS", "FAILED"]);
  const absent = await thrown(() => client.imports.getErrorFileDownloadUrl(id));
  assert.deepEqual([absent.status, absent.code], [404, "ERROR_FILE_NOT_FOUND"]);
  const { items } = await client.imports.queryLoyaltyImports().eq("status", "FAILED").find();
  assert.deepEqual(items.map(({ _id }) => _id), [id]);
});

test("errors arrive as the client knows them (1.6)", async () => {
  assert.deepEqual(await thrown(() => client.imports.getLoyaltyImport(NOBODY)), {
    status: 404,
    code: "NOT_FOUND",
    data: {},
    description: `loyalty import ${NOBODY} not found`,
    violations: undefined,
  });
  const { status, violations } = await thrown(() => client.imports.getLoyaltyImport("nope"));
  assert.equal(status, 400);
  assert.deepEqual(violations.map(({ field, violatedRule }) => [field, violatedRule]), [["loyaltyImportId", "FORMAT"]]);
  assert.equal((await thrown(() => client.imports.executeLoyaltyImport(first.done._id, {}))).status, 400);
  const stranger = createClient({ modules, auth: ApiKeyStrategy({ siteId, apiKey: "nonsense" }), fetch: to("www.wixapis.com") });
  assert.equal((await thrown(() => stranger.programs.getLoyaltyProgram())).status, 401);
});

test("accounts can be read in every way (6.1, 6.2)", async () => {
  const { account } = await client.accounts.getAccountBySecondaryId({ contactId: ada });
  assert.equal(account.contactId, ada);
  assert.deepEqual(account.points, { balance: 15, earned: 0, adjusted: 15, redeemed: 0, expired: 0 });
  assert.equal(account.contact.email, "ada@example.com");
  assert.equal(account.contact._id, ada);
  assert.ok(account._createdDate instanceof Date);
  assert.equal((await client.accounts.getAccount(account._id))._id, account._id);
  const listed = await client.accounts.listAccounts({ contactIds: [ada, bob], cursorPaging: { limit: 10 } });
  assert.equal(listed.accounts.length, 2);
  const queried = await client.accounts.queryLoyaltyAccounts().ge("points.balance", 20).find();
  assert.deepEqual(queried.items.map(({ contactId }) => contactId), [bob]);
  assert.equal((await client.accounts.queryLoyaltyAccounts().eq("contactId", ada).find()).items.length, 1);
  const sought = await client.accounts.searchAccounts({ search: { expression: "ada" } });
  assert.deepEqual(sought.accounts.map(({ contactId }) => contactId), [ada]);
  assert.equal((await client.accounts.countAccounts({ search: { expression: "example.com" } })).count, 2);
  assert.equal((await client.accounts.countAccounts({ filter: { "points.balance": { $lt: 20 } } })).count, 1);
  assert.equal((await client.accounts.getProgramTotals()).points.balance, 35);
  const refused = await thrown(() => client.accounts.getCurrentMemberAccount());
  assert.equal(refused.status, 403);
  assert.match(refused.description, /member/);
});

test("points are earned once and adjusted (6.2)", async () => {
  const carol = await contact("carol@example.com", "Carol");
  const { account } = await client.accounts.createAccount(carol);
  assert.equal(account.revision, "1");
  assert.equal((await thrown(() => client.accounts.createAccount(carol))).status, 409);
  const wanted = { amount: 20, description: "Birthday", appId: LOYALTY_APP, idempotencyKey: crypto.randomUUID() };
  const earned = await client.accounts.earnPoints(account._id, wanted);
  assert.equal(earned.account.points.earned, 20);
  assert.deepEqual(await client.accounts.earnPoints(account._id, wanted), earned);
  const { revision } = earned.account;
  const adjusted = await client.accounts.adjustPoints(account._id, { balance: 50, description: "Sorry", revision });
  assert.deepEqual([adjusted.account.points.balance, adjusted.account.points.adjusted], [50, 30]);
  const stale = await thrown(() => client.accounts.adjustPoints(account._id, { amount: -1, description: "x", revision }));
  assert.deepEqual([stale.status, stale.code], [409, "INVALID_REVISION"]);
  const broke = await thrown(() => client.accounts.adjustPoints(account._id, { amount: -51, description: "x" }));
  assert.equal(broke.status, 428);

  const entry = await client.transactions.getLoyaltyTransaction(earned.transactionId);
  assert.equal(entry.transactionType, "EARN");
  assert.equal(entry.earnInfo.appId, LOYALTY_APP);
  const { items } = await client.transactions.queryLoyaltyTransactions().eq("accountId", account._id).ascending("amount").find();
  assert.deepEqual(items.map(({ amount, transactionType }) => [amount, transactionType]), [[20, "EARN"], [30, "ADJUST"]]);
  assert.deepEqual(
    [items[1].adjustInfo.amountBefore, items[1].adjustInfo.amountAfter, items[1].adjustInfo.appId],
    [20, 50, LOYALTY_APP],
  );
});

test("many accounts are adjusted in the background (6.2)", async () => {
  const { asyncJobId } = await client.accounts.bulkAdjustPoints({ amount: 5, search: { filter: { contactId: bob } } });
  const look = () => ask("GET", `/async-jobs/v1/async-jobs/${asyncJobId}`);
  const { job } = await until(look, (found) => found.job.status === "FINISHED");
  assert.deepEqual([job.itemsToProcess, job.itemsSucceeded, job.itemsFailed], [1, 1, 0]);
  assert.equal((await client.accounts.getAccount(bob)).points.balance, 25);
});

test("the program is read and changed (6.4)", async () => {
  assert.equal((await client.programs.getLoyaltyProgram()).loyaltyProgram.status, "ACTIVE");
  const icon = "https://static.example.com/star.png";
  const wanted = { name: "Stars Club", pointDefinition: { customName: "Stars", icon } };
  const { loyaltyProgram } = await client.programs.updateLoyaltyProgram(wanted);
  assert.deepEqual([loyaltyProgram.name, loyaltyProgram.pointDefinition.customName], ["Stars Club", "Stars"]);
  assert.ok(loyaltyProgram._updatedDate instanceof Date);
  assert.equal((await client.programs.pauseLoyaltyProgram()).loyaltyProgram.status, "PAUSED");
  const wish = { amount: 1, description: "x", appId: LOYALTY_APP, idempotencyKey: crypto.randomUUID() };
  assert.equal((await thrown(() => client.accounts.earnPoints(bob, wish))).status, 428);
  assert.equal((await client.programs.activateLoyaltyProgram()).loyaltyProgram.status, "ACTIVE");
  assert.equal((await client.programs.enablePointsExpiration()).loyaltyProgram.pointsExpiration.status, "ENABLED");
  assert.equal((await client.programs.disablePointsExpiration()).loyaltyProgram.pointsExpiration.status, "DISABLED");
  assert.equal((await client.programs.getLoyaltyProgramPremiumFeatures()).loyaltyProgram, true);
  const { programInSites } = await client.programs.bulkGetLoyaltyProgram();
  assert.deepEqual(programInSites.map(({ metaSiteId, loyaltyProgram: { name } }) => [metaSiteId, name]), [[siteId, "Stars Club"]]);
});

test("the client of another host finds everything too (1.1)", async () => {
  assert.equal((await elsewhere.programs.getLoyaltyProgram()).loyaltyProgram.status, "ACTIVE");
  assert.equal((await elsewhere.accounts.getAccount(ada))._id, ada);
  assert.ok((await elsewhere.transactions.queryLoyaltyTransactions().find()).items.length > 0);
  assert.equal((await elsewhere.imports.getLoyaltyImport(first.done._id)).status, "IMPORTED");
});

test("webhooks are verified and understood (7)", async () => {
  const heard = [];
  const hear = (name) => (event) => heard.push([name, event]);
  appClient.imports.onLoyaltyImportCreated(hear("import created"));
  appClient.accounts.onAccountCreated(hear("account created"));
  appClient.accounts.onAccountUpdated(hear("account updated"));
  appClient.accounts.onAccountPointsUpdated(hear("points updated"));
  appClient.programs.onProgramUpdated(hear("program updated"));
  const seen = new Set();
  let token;
  await until(
    async () => {
      for (const event of events.splice(0)) {
        token = event.body;
        assert.match(event.type, /^text\/plain/);
        await appClient.webhooks.process(event.body);
      }
      for (const [name] of heard) seen.add(name);
      return seen;
    },
    (names) => names.size === 5,
  );
  const [, created] = heard.find(([name, event]) => name === "import created" && event.entity._id === first.done._id);
  assert.equal(created.entity.status, "INITIATED");
  assert.ok(created.entity._createdDate instanceof Date);
  assert.deepEqual(
    [created.metadata.instanceId, created.metadata.slug, created.metadata.entityEventSequence],
    [siteId, "created", "1"],
  );
  const [, born] = heard.find(([name, event]) => name === "account created" && event.entity._id === ada);
  assert.deepEqual([born.entity.revision, born.entity.points.balance, born.metadata.entityEventSequence], ["1", 0, "1"]);
  const [, points] = heard.find(([name]) => name === "points updated");
  assert.ok(points.data.account.points.balance > 0);
  await assert.rejects(appClient.webhooks.process("nonsense"));

  // The same words signed by somebody else: nothing is wrong with them but the key.
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const [header, claims] = token.split(".");
  const forged = `${header}.${claims}.${sign("sha256", `${header}.${claims}`, privateKey).toString("base64url")}`;
  const before = heard.length;
  await assert.rejects(appClient.webhooks.process(forged), /signature verification failed/);
  assert.equal(heard.length, before);
  const pem = publicKey.export({ type: "spki", format: "pem" });
  const gullible = createClient({ modules, auth: AppStrategy({ appId: LOYALTY_APP, publicKey: pem }) });
  await gullible.webhooks.process(forged);
});
