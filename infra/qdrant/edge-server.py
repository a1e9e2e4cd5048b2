"""The part of Qdrant's REST API that Warren uses, in front of the engine of qdrant-edge-py, for
machines without Docker. The engine (write-ahead log, segments, filters, scoring, conditional upserts)
is Qdrant's own; this file implements routing, JSON, status codes, aliases and error texts. It
is not a Qdrant server: the end of this file lists the gaps.

    QDRANT__SERVICE__API_KEY=… python edge-server.py --port 6333 --storage folder
"""
import argparse, json, os, re, shutil, signal, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID
import orjson
import qdrant_edge as q
from qdrant_edge import UpdateOperation as U

VERSION = "1.19.0"  # of the REST API; the client compares it with its own version


class Err(Exception):
    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


def bad(text):
    return Err(400, "Wrong input: " + text)


def form(text):
    return Err(400, "Format error in JSON body: " + text)


def unsupported(what):
    return Err(400, f"Bad request: {what} is not supported by this front")


def engine_error(e):
    """The engine raises a bare Exception. The start of its text decides the status code."""
    text = str(e)
    if re.match(r"Vector dimension error|No range index|Validation failed|Wrong usage of"
                r"|Conversion between|No appropriate index|Index required", text):
        return bad(text)
    return Err(500, "Service internal error: " + text)


# ---- JSON to engine ------------------------------------------------------------------
def point_id(v):
    if isinstance(v, int) and not isinstance(v, bool) and 0 <= v < 1 << 64:
        return v
    if isinstance(v, str):
        try:
            return UUID(v)
        except ValueError:
            pass
    raise form(f"value {json.dumps(v)} is not a valid point ID, "
               "valid values are either an unsigned integer or a UUID")


def as_list(v):
    return v if isinstance(v, list) else [v]


def match(m):
    for key, make in (("value", q.MatchValue), ("any", q.MatchAny), ("except", q.MatchExcept)):
        if key in m and not isinstance(m[key], bool):
            return make(m[key])
    raise unsupported("match " + "/".join(m))


def condition(c):
    if not isinstance(c, dict):
        raise form("data did not match any variant of untagged enum Condition")
    if "has_id" in c:
        return q.HasIdCondition({point_id(i) for i in c["has_id"]})
    if "is_empty" in c and "key" not in c:
        return q.IsEmptyCondition(c["is_empty"]["key"])
    if "key" in c:
        if c.get("match") is not None:
            return q.FieldCondition(c["key"], match=match(c["match"]))
        if c.get("range") is not None:
            r = c["range"]
            return q.FieldCondition(c["key"], range=q.RangeFloat(
                gte=r.get("gte"), gt=r.get("gt"), lte=r.get("lte"), lt=r.get("lt")))
        raise unsupported(f"the condition on {c['key']}")
    return selection(c)


def selection(f):
    if f is None:
        return None
    unknown = f.keys() - {"must", "should", "must_not"}
    if unknown:
        raise form(f"unknown field `{min(unknown)}`, expected one of `should`, `must`, `must_not`")
    return q.Filter(**{k: [condition(c) for c in as_list(f[k])] for k in f if f[k] is not None})


def payload_selector(v, default):
    if v is None:
        return default
    if isinstance(v, list):
        return q.PayloadSelector.Include(v)
    if isinstance(v, dict):
        return (q.PayloadSelector.Include(v["include"]) if "include" in v
                else q.PayloadSelector.Exclude(v["exclude"]))
    return v


# ---- engine to JSON ------------------------------------------------------------------
def record(r, scored=False):
    d = {"id": str(r.id) if isinstance(r.id, UUID) else r.id}
    if scored:
        d["version"], d["score"] = r.version, r.score
    if r.payload is not None:
        d["payload"] = r.payload
    if r.vector is not None:
        d["vector"] = r.vector
    return d


# ---- collections ---------------------------------------------------------------------
DISTANCES = {"Cosine": q.Distance.Cosine, "Dot": q.Distance.Dot,
             "Euclid": q.Distance.Euclid, "Manhattan": q.Distance.Manhattan}
SCHEMAS = {t.lower(): getattr(q.PayloadSchemaType, t)
           for t in ("Keyword", "Integer", "Float", "Bool", "Uuid")}
MODES = {"upsert": q.UpdateMode.Upsert, "insert_only": q.UpdateMode.InsertOnly,
         "update_only": q.UpdateMode.UpdateOnly}


def write_file(path, content):
    with open(path + ".tmp", "w") as f:
        json.dump(content, f)
        f.flush()
        os.fsync(f.fileno())
    os.replace(path + ".tmp", path)


class Collection:
    def __init__(self, path, conf=None):
        self.path, self.lock, self.op = path, threading.RLock(), 0
        meta, shard = os.path.join(path, "collection.json"), os.path.join(path, "shard")
        if conf is None:
            with open(meta) as f:
                self.conf = json.load(f)
            self.shard = q.EdgeShard.load(shard)
        else:
            self.conf, v = conf, conf.get("vectors") or {}
            if v.get("distance") not in DISTANCES or not isinstance(v.get("size"), int):
                raise form("data did not match any variant of untagged enum VectorsConfig")
            if not 1 <= v["size"] <= 65536:
                raise Err(422, "Validation error in JSON body: "
                               f"[vectors.size: value {v['size']} invalid, must be from 1 to 65536]")
            os.makedirs(shard)
            params = q.EdgeVectorParams(size=v["size"], distance=DISTANCES[v["distance"]])
            self.shard = q.EdgeShard.create(shard, q.EdgeConfig(vectors=params))
            write_file(meta, conf)  # last: a collection without this file does not exist
        self.size = self.conf["vectors"]["size"]
        self.tenants = set(self.conf.get("tenants", []))

    def point(self, p):
        for field in ("id", "vector"):
            if field not in p:
                raise form(f"missing field `{field}`")
        v = p["vector"]
        if not isinstance(v, list):
            raise unsupported("a vector that is no list of numbers")
        if len(v) == 0:
            raise Err(422, "Validation error in JSON body: [points.vector: dense vector must not be empty]")
        if len(v) != self.size:
            raise bad(f"Vector dimension error: expected dim: {self.size}, got {len(v)}")
        try:
            return q.Point(point_id(p["id"]), v, p.get("payload"))
        except (TypeError, ValueError) as e:
            raise form("data did not match any variant of untagged enum VectorStruct"
                       if "Helper" in str(e) else str(e).splitlines()[0])

    def update(self, operation, wait):
        with self.lock:
            try:
                self.shard.update(operation)
            except Exception as e:
                raise engine_error(e)
            self.op += 1
            return {"operation_id": self.op, "status": "completed" if wait else "acknowledged"}

    def read(self, work):
        with self.lock:
            try:
                return work()
            except Err:
                raise
            except Exception as e:
                raise engine_error(e)

    def info(self):
        i = self.read(self.shard.info)
        c = self.conf
        return {"status": "green", "optimizer_status": "ok",
                "indexed_vectors_count": i.indexed_vectors_count, "points_count": i.points_count,
                "segments_count": i.segments_count,
                "config": {"params": {"vectors": c["vectors"], "shard_number": 1, "replication_factor": 1},
                           "hnsw_config": c.get("hnsw_config") or {},
                           "optimizer_config": c.get("optimizers_config") or {}, "wal_config": {}},
                "payload_schema": {k: self.schema(k, x) for k, x in i.payload_schema.items()}}

    def schema(self, key, x):
        t = str(x.data_type).split(".")[-1].lower()
        params = {"params": {"type": t, "is_tenant": True}} if key in self.tenants else {}
        return {"data_type": t, "points": x.points, **params}


class Store:
    def __init__(self, root):
        self.root, self.lock, self.collections, self.aliases = root, threading.RLock(), {}, {}
        os.makedirs(root, exist_ok=True)
        self.alias_file = os.path.join(root, "aliases.json")
        if os.path.exists(self.alias_file):
            with open(self.alias_file) as f:
                self.aliases = json.load(f)
        for n in sorted(os.listdir(root)):
            path = os.path.join(root, n)
            if os.path.exists(os.path.join(path, "collection.json")):
                self.collections[n] = Collection(path)
            elif os.path.isdir(path):
                shutil.rmtree(path, ignore_errors=True)

    def get(self, name):
        try:
            return self.collections[self.aliases.get(name, name)]
        except KeyError:
            raise Err(404, f"Not found: Collection `{name}` doesn't exist!")

    def create(self, name, conf):
        if not re.fullmatch(r"[^<>:\"/\\|?*\0\x1f]{1,255}", name) or name in (".", ".."):
            raise Err(422, f"Validation error in path parameters: [name: {name} is not valid]")
        with self.lock:
            if name in self.collections or name in self.aliases:
                raise Err(409, f"Wrong input: Collection `{name}` already exists!")
            path = os.path.join(self.root, name)
            try:
                self.collections[name] = Collection(path, conf)
            except BaseException:
                shutil.rmtree(path, ignore_errors=True)
                raise
            return True

    def drop(self, name):
        with self.lock:
            c = self.collections.pop(name, None)
            if c is None:
                return False
            self.aliases = {a: n for a, n in self.aliases.items() if n != name}
            write_file(self.alias_file, self.aliases)
            with c.lock:
                c.shard.close()
                shutil.rmtree(c.path, ignore_errors=True)
            return True

    def update_aliases(self, actions):
        with self.lock:
            after = dict(self.aliases)
            for action in actions:
                (kind, what), = action.items()
                if kind == "create_alias":
                    if what["collection_name"] not in self.collections:
                        raise Err(404, f"Not found: Collection `{what['collection_name']}` doesn't exist!")
                    if what["alias_name"] in self.collections:
                        raise Err(409, f"Wrong input: Collection `{what['alias_name']}` already exists!")
                    after[what["alias_name"]] = what["collection_name"]
                elif kind == "delete_alias":
                    if after.pop(what["alias_name"], None) is None:
                        raise Err(404, f"Not found: Alias {what['alias_name']} does not exists!")
                else:
                    raise unsupported(kind)
            write_file(self.alias_file, after)
            self.aliases = after
            return True

    def list_aliases(self):
        return {"aliases": [{"alias_name": a, "collection_name": n} for a, n in sorted(self.aliases.items())]}

    def flush(self):
        for c in list(self.collections.values()):
            with c.lock:
                try:
                    c.shard.flush()
                except Exception as e:
                    print("flush:", e, file=sys.stderr)


# ---- operations on points ------------------------------------------------------------
def upsert(c, b, wait):
    if "points" not in b:
        raise unsupported("an upsert without `points`")
    points = [c.point(p) for p in b["points"]]  # all are checked before any is written
    mode = b.get("update_mode")
    if mode is not None and mode not in MODES:
        raise form(f"unknown variant `{mode}`, expected one of `upsert`, `insert_only`, `update_only`")
    if not points:
        raise Err(400, "Bad request: Empty update request")
    guard = selection(b.get("update_filter"))
    return c.update(U.upsert_points(points, guard, MODES[mode] if mode else None), wait)


def delete(c, b, wait):
    if b.get("points") is not None:
        return c.update(U.delete_points([point_id(i) for i in b["points"]]), wait)
    return c.update(U.delete_points_by_filter(selection(b["filter"])), wait)


def retrieve(c, b):
    ids = [point_id(i) for i in b["ids"]]
    payload, vector = payload_selector(b.get("with_payload"), True), b.get("with_vector") or False
    return [record(r) for r in c.read(lambda: c.shard.retrieve(ids, payload, vector))]


def positive(b, key, default):
    v = default if b.get(key) is None else b[key]
    if not isinstance(v, int) or v < 1:
        raise Err(422, f"Validation error in JSON body: [{key}: value {v} invalid, must be 1 or larger]")
    return v


def scroll(c, b):
    r = q.ScrollRequest(offset=None if b.get("offset") is None else point_id(b["offset"]),
                        limit=positive(b, "limit", 10), filter=selection(b.get("filter")),
                        with_payload=payload_selector(b.get("with_payload"), True),
                        with_vector=b.get("with_vector") or False)
    points, after = c.read(lambda: c.shard.scroll(r))
    return {"points": [record(p) for p in points],
            "next_page_offset": str(after) if isinstance(after, UUID) else after}


def count(c, b):
    r = q.CountRequest(exact=b.get("exact", True), filter=selection(b.get("filter")))
    return {"count": c.read(lambda: c.shard.count(r))}


def scoring(c, x):
    """-> (what the engine is asked for, id to leave out of the answer)"""
    if x is None:
        return None, None
    if isinstance(x, dict):
        if x.keys() == {"nearest"}:
            return scoring(c, x["nearest"])
        raise unsupported("query " + "/".join(x))
    if isinstance(x, (int, str)):
        i = point_id(x)
        found = c.shard.retrieve([i], False, True)
        if not found:
            raise Err(404, f"Not found: No point with id {x} found")
        return q.Query.Nearest(found[0].vector, None), i
    return q.Query.Nearest(x, None), None


def query(c, b):
    if b.get("prefetch"):
        raise unsupported("prefetch")

    def work():
        wanted, left_out = scoring(c, b.get("query"))
        f = selection(b.get("filter"))
        if left_out is not None:
            f = q.Filter(must=[f] if f else None, must_not=[q.HasIdCondition({left_out})])
        return c.shard.query(q.QueryRequest(
            limit=positive(b, "limit", 10), offset=b.get("offset") or 0, query=wanted, filter=f,
            with_vector=b.get("with_vector") or False,
            with_payload=payload_selector(b.get("with_payload"), False),
            score_threshold=b.get("score_threshold")))
    return {"points": [record(p, True) for p in c.read(work)]}


def query_batch(c, b):
    return [query(c, s) for s in b["searches"]]


def create_index(c, b, wait):
    s = b.get("field_schema")
    t = s.get("type") if isinstance(s, dict) else s
    if t not in SCHEMAS:
        raise form("data did not match any variant of untagged enum PayloadFieldSchema")
    if isinstance(s, dict) and s.get("is_tenant"):
        c.tenants.add(b["field_name"])
        c.conf["tenants"] = sorted(c.tenants)
        write_file(os.path.join(c.path, "collection.json"), c.conf)
    return c.update(U.create_field_index(b["field_name"], SCHEMAS[t]), wait)


# ---- HTTP ----------------------------------------------------------------------------
WRITES = {("PUT", "points"): upsert, ("POST", "points/delete"): delete, ("PUT", "index"): create_index}
READS = {("POST", "points"): retrieve, ("POST", "points/scroll"): scroll, ("POST", "points/count"): count,
         ("POST", "points/query"): query, ("POST", "points/query/batch"): query_batch}


class Handler(BaseHTTPRequestHandler):
    protocol_version, server_version = "HTTP/1.1", "qdrant-edge-front"
    wbufsize, disable_nagle_algorithm = 1 << 16, True
    timeout = 120  # an idle connection, seconds
    store, api_key = None, None

    def log_message(self, *_):
        pass

    def send(self, code, body, content_type="application/json"):
        self.send_response(code)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def body(self):
        if "chunked" not in (self.headers.get("Transfer-Encoding") or ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        raw = b""
        while (size := int(self.rfile.readline().split(b";")[0], 16)):
            raw += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return raw

    def answer(self):
        started, url, raw = time.perf_counter(), urlsplit(self.path), self.body()
        if url.path == "/healthz":
            return self.send(200, b"healthz check passed", "text/plain; charset=utf-8")
        if self.headers.get("api-key") != self.api_key:
            return self.send(401, b"Must provide an API key or an Authorization bearer token", "text/plain")
        if url.path == "/":
            return self.send(200, json.dumps({"title": "qdrant-edge behind a front, no Qdrant server",
                                              "version": VERSION}).encode())
        try:
            try:
                body = orjson.loads(raw) if raw else {}
            except ValueError as e:
                raise form(str(e))
            path = [unquote(x) for x in url.path.strip("/").split("/")]
            code, out = 200, {"result": self.route(self.command, path, parse_qs(url.query), body), "status": "ok"}
        except Err as e:
            code, out = e.code, {"status": {"error": str(e)}}
        except (KeyError, TypeError, AttributeError, ValueError) as e:
            code, out = 400, {"status": {"error": f"Format error in JSON body: {type(e).__name__} {e}"}}
        except Exception as e:  # the engine's panics too
            code, out = 500, {"status": {"error": f"Service internal error: {e}"}}
        out["time"] = time.perf_counter() - started
        self.send(code, orjson.dumps(out))

    do_GET = do_PUT = do_POST = do_DELETE = answer

    def route(self, method, path, params, body):
        store, wait = self.store, (params.get("wait") or ["false"])[0] == "true"
        if path == ["collections"] and method == "GET":
            return {"collections": [{"name": n} for n in sorted(store.collections)]}
        if path == ["collections", "aliases"] and method == "POST":
            return store.update_aliases(body["actions"])
        if path == ["aliases"] and method == "GET":
            return store.list_aliases()
        if path[0] == "collections" and len(path) >= 2:
            name, call = path[1], (method, "/".join(path[2:]))
            if call == ("GET", ""):
                return store.get(name).info()
            if call == ("GET", "exists"):
                return {"exists": store.aliases.get(name, name) in store.collections}
            if call == ("PUT", ""):
                return store.create(name, body)
            if call == ("DELETE", ""):
                return store.drop(name)
            if call in WRITES:
                return WRITES[call](store.get(name), body, wait)
            if call in READS:
                return READS[call](store.get(name), body)
        raise Err(404, f"{method} /{'/'.join(path)} is not supported by this front")


class Server(ThreadingHTTPServer):
    daemon_threads, request_queue_size = True, 128


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--port", type=int, required=True)
    a.add_argument("--storage", required=True)
    o = a.parse_args()
    Handler.api_key = os.environ["QDRANT__SERVICE__API_KEY"]
    Handler.store = Store(o.storage)
    server = Server(("127.0.0.1", o.port), Handler)

    def stop(*_):
        threading.Thread(target=server.shutdown, daemon=True).start()
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    done = threading.Event()

    def flusher():
        while not done.wait(5):
            Handler.store.flush()
    threading.Thread(target=flusher, daemon=True).start()
    server.serve_forever(poll_interval=0.1)
    done.set()
    for c in Handler.store.collections.values():
        with c.lock:
            c.shard.close()


if __name__ == "__main__":
    main()

# Known gaps against a real Qdrant 1.19 server
# - one shard and one unnamed dense vector to a collection; no sparse or named vectors, snapshots, cluster,
#   gRPC, JWT, strict mode, quotas, quantization, recommend/discover/fusion queries, prefetch, facets,
#   groups, geo, text, datetime and boolean filters, changes of payload or vector alone: these answer 4xx.
# - `consistency` and `ordering` are ignored: there is one copy and one order.
# - wait=false is applied before the answer ("acknowledged" is only the label); there is no update queue.
# - no optimizer: status is always green, no HNSW graph is built, every search is exact, and is_tenant and
#   hnsw_config are only remembered.
# - one operation at a time (the binding holds Python's GIL); time-outs and rate limits never happen.
# - operation_id restarts at 1 with the process; a point's "version" differs from the server's.
# - 32-bit floats come with the digits of 64 (0.30000001192092896, not 0.3).
# - texts of JSON parse errors differ (no "at line 1 column N").
# - GET /collections/{name} echoes the given config without the server's defaults.
