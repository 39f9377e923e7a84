"""What the ready profiles are about: a good body of each, and actions in an order that works."""

NOW = 1_795_000_000_000
DAY = 24 * 3600 * 1000
D = [digit * 64 for digit in "0123456789abcdef"]
"""Sixteen digests."""
WHY = {"reason": "because"}

WALKS = {
    "warehouse.stock": {
        "controller": "keeper",
        "body": {
            "lot_key": D[1], "keeper": "keeper", "warehouse": "9520600000053", "slot": "B-12",
            "goods": "copper cathode", "unit": "KGM", "measured": 100_000, "inspector": "inspector",
        },
        "args": {
            "stock_check": {"measured": 100_000}, "shortfall": {"measured": 92_000},
            "make_good": {"measured": 100_000}, "take_out": {"amount": 100_000},
        },
        "paths": ["issue stock_check shortfall make_good take_out empty"],
    },
    "warehouse.receipt": {
        "controller": "depositor",
        "quantity": 60_000,
        "body": {
            "receipt_no": "R1", "lot_key": D[1], "stock": "lot-1", "keeper": "keeper",
            "depositor": "depositor", "warehouse": "9520600000053", "goods": "copper cathode",
            "quality": "99.99 %", "packing": "bundles", "pieces": 24, "loss_basis_points": 5,
            "stored_until": NOW + 90 * DAY, "fee": 120_000,
        },
        "facts": {
            "totals": {"live_on_lot": 40_000},
            "linked": {
                "stock": {
                    "measured": 100_000, "lot_key": D[1], "missing": 8_000, "$state": "stored",
                },
            },
        },
        "args": {
            "endorse": {"to": "buyer"}, "pledge": {"to": "bank"},
            "deliver_under_pledge": {"pledgee": "bank"}, "foreclose": {"basis": "contract 7.2"},
            "declare_lost": {"notice": "notice 7"},
        },
        "paths": [
            "issue endorse split merge pledge release deliver",
            "issue pledge report_shortfall split merge deliver_under_pledge",
            "issue pledge foreclose cancel",
            "issue declare_lost find_again declare_lost cancel_lost",
        ],
    },
    "dcsa.ebl": {
        "controller": "shipper",
        "body": {
            "reference": "BL-1", "carrier": "carrier", "shipper": "shipper", "document": D[2],
            "to_order": True,
        },
        "args": {
            "TRANSFER": {"to": "forwarder"}, "ENDORSE": {"to": "buyer"},
            "ENDORSE_TO_ORDER": {"to": "trader"}, "pledge": {"to": "bank"},
            "SURRENDER_FOR_AMENDMENT": {"reason": "SWTP"}, "SREJ": WHY,
        },
        "paths": [
            ("ISSUE SIGN pledge release ENDORSE_TO_ORDER ENDORSE SURRENDER_FOR_DELIVERY SREJ"
            " SURRENDER_FOR_DELIVERY SACC"),
            "ISSUE TRANSFER",
            ("ISSUE BLANK_ENDORSE TRANSFER pledge release ENDORSE_TO_ORDER SURRENDER_FOR_AMENDMENT"
            " SACC"),
        ],
    },
    "ubl.waybill": {
        "controller": "consignor",
        "body": {
            "number": "W1", "document": D[3], "carrier": "carrier", "consignor": "consignor",
            "consignee": "consignee", "pieces": 40, "weight": 120_000, "freight": 150_000,
            "due_at": NOW + DAY,
        },
        "args": {"hand_over": {"pieces": 38}, "refuse": WHY},
        "paths": [
            "issue pick_up mark_late hand_over close",
            "issue pick_up refuse bring_back",
            "issue call_off",
        ],
    },
    "ubl.pod": {
        "controller": "carrier",
        "body": {
            "waybill": "w-1", "carrier": "carrier", "consignee": "consignee", "payer": "shipper",
            "pieces": 40, "price": 250, "document": D[4],
        },
        "facts": {"linked": {"waybill": {"$state": "delivered"}}},
        "args": {
            "sign": {"received": 38, "remarks": "two short"}, "dispute": WHY,
            "settle": {"received": 38},
        },
        "paths": [
            "issue sign dispute settle",
            "issue sign settle",
            "issue sign stand",
            "issue make_void",
        ],
    },
    "ubl.order": {
        "controller": "buyer",
        "body": {
            "number": "PO-1", "buyer": "buyer", "seller": "seller", "item": "09520600001012",
            "ordered": 100, "price": 1_250, "terms": D[5], "answer_by": NOW + 2 * DAY,
        },
        "args": {
            "turn_down": WHY, "cancel": WHY, "change": {"ordered": 100, "price": 1_200},
            "despatch": {"amount": 60}, "receive": {"amount": 60}, "send_more": {"amount": 40},
            "receive:2": {"amount": 40}, "invoice": {"amount": 120_000},
        },
        "paths": [
            "issue change agree despatch receive send_more receive:2 invoice close",
            "issue turn_down",
            "issue lapse",
            "issue agree cancel",
        ],
    },
    "scf.voucher": {
        "controller": "core",
        "quantity": 128_000_000,
        "body": {
            "number": "V1", "debtor": "core", "creditor": "supplier", "contract": D[6],
            "invoices": [D[7], D[8]], "due_at": NOW + 150 * DAY, "recourse": False,
        },
        "args": {
            "assign": {"to": "supplier2"},
            "finance": {"amount": 120_000_000, "registration": "ZD-1"},
            "pay": {"amount": 128_000_000, "payment": "E2E-1"},
        },
        "paths": [
            "issue confirm split assign finance fall_due mark_overdue pay",
            "issue turn_down",
            "issue confirm cancel",
        ],
    },
    "gs1.item": {
        "controller": "brand",
        "body": {
            "epc": "01/09520600001012/21/K7QH2M9X4T", "gtin": "09520600001012",
            "serial": "K7QH2M9X4T", "brand": "brand",
        },
        "args": {"recall": WHY, "lift_recall": WHY},
        "paths": [
            "issue activate offer accept sell take_back recall lift_recall consume",
            "issue activate destroy",
        ],
    },
    "gs1.lot": {
        "controller": "brand",
        "quantity": 60,
        "body": {
            "lot": "01/09520600001012/10/HN20260901", "gtin": "09520600001012", "brand": "brand",
            "made_at": NOW - 30 * DAY, "best_before": NOW + 300 * DAY,
        },
        "args": {"pass": {"report": "T-1"}, "hold_back": WHY, "recall": WHY},
        "paths": [
            "issue hold_back pass split merge offer accept use_up",
            "issue recall destroy",
        ],
    },
    "gs1.sscc": {
        "controller": "packer",
        "body": {"sscc": "095206000000001111", "packer": "packer", "contents": 24},
        "args": {"ship": {"to": "shop"}, "receive": {"pieces": 24}, "write_off": WHY},
        "actors": {"receive": "shop"},
        "paths": [
            "issue ship receive unpack",
            "issue ship report_missing receive",
            "issue ship report_missing write_off",
        ],
    },
    "tag.scan": {
        "controller": "brand",
        "body": {"tag": D[9], "brand": "brand", "gateway": "gateway"},
        "args": {
            "bind": {"item": "item-1"}, "alarm": WHY, "make_void": WHY, "claim": {"to": "shop"},
            "first_scan": {"counter": 1, "genuine": True, "place": "Hainan"},
            "scan": {"counter": 2, "genuine": True},
        },
        "paths": ["issue bind first_scan scan alarm claim make_void"],
    },
    "cold.chain": {
        "controller": "carrier",
        "body": {
            "shipment": "w-1", "carrier": "carrier", "shipper": "shipper", "device": "LOG0007",
            "calibrated_until": NOW + 90 * DAY, "low": 0, "high": 4_000, "freight": 150_000,
            "south": 18_000_000, "west": 108_000_000, "north": 32_000_000, "east": 122_000_000,
            "due_at": NOW + DAY,
        },
        "args": {
            "record": {
                "root": D[1], "first": 1, "last": 288, "least": 600, "most": 3_900,
                "latitude": 20_000_000, "longitude": 110_000_000,
            },
            "record_breach": {"root": D[2], "first": 1, "last": 9, "most": 6_300, "minutes": 45},
            "record:2": {
                "root": D[3], "first": 289, "last": 576, "least": 700, "most": 3_800,
                "latitude": 20_000_000, "longitude": 110_000_000,
            },
            "record_breach:2": {
                "root": D[4], "first": 577, "last": 590, "most": 6_300, "minutes": 45,
            },
        },
        "paths": [
            "issue record finish",
            "issue record record:2 record_breach:2 settle",
            "issue charge_late settle",
        ],
    },
    "evidence.file": {
        "controller": "owner",
        "body": {
            "digest": D[1], "size": 12_345, "media_type": "video/mp4", "owner": "owner",
            "collector": "collector", "platform": "platform", "tool": "recorder 2.1",
            "tool_digest": D[2], "environment": D[3], "capture_log": D[4],
            "started_at": NOW - DAY, "ended_at": NOW - DAY + 60_000, "source": "camera 7",
            "method": "device",
        },
        "args": {"exhibit": {"case_no": "(2026)0491-1"}, "supersede": {"successor": "e-2"}},
        "paths": ["issue sign notarise stamp exhibit close", "issue supersede"],
    },
    "evidence.web": {
        "controller": "owner",
        "body": {
            "digest": D[1], "size": 12_345, "media_type": "application/warc", "owner": "owner",
            "collector": "collector", "platform": "platform", "tool": "capture 3.0",
            "tool_digest": D[2], "environment": D[3], "capture_log": D[4],
            "started_at": NOW - DAY, "ended_at": NOW - DAY + 60_000,
            "url": "https://shop.example/item/7", "address": "192.0.2.7", "screenshot": D[5],
            "archive": D[6],
        },
        "args": {"exhibit": {"case_no": "(2026)0491-1"}, "supersede": {"successor": "e-2"}},
        "paths": ["issue sign notarise stamp exhibit close", "issue supersede"],
    },
    "id.person": {
        "controller": "bureau",
        "body": {
            "issuer": "bureau", "credential": D[1], "list": "status-1", "index": 94_567,
            "valid_until": NOW + 365 * DAY, "pseudonym": "did:key:z6Mk1", "level": 3,
            "consent": "consent-1",
        },
        "facts": {
            "creds": [["accredited_issuer", "bureau"]],
            "consents": [["identity", "did:key:z6Mk1", "bureau"]],
        },
        "args": {"suspend": WHY, "revoke": WHY},
        "paths": ["issue suspend reinstate revoke", "issue lapse"],
    },
    "id.org": {
        "controller": "bureau",
        "body": {
            "issuer": "bureau", "credential": D[1], "list": "status-1", "index": 1,
            "valid_until": NOW + 365 * DAY, "scheme": "USCC", "number": "91460000MADEM0011M",
            "subject": "core",
        },
        "facts": {"creds": [["accredited_issuer", "bureau"]]},
        "args": {"suspend": WHY, "revoke": WHY},
        "paths": ["issue suspend reinstate revoke", "issue lapse"],
    },
    "credit.record": {
        "controller": "lender",
        "body": {
            "subject": "did:key:z6Mk2", "filer": "lender", "bureau": "bureau", "commitment": D[1],
            "category": "loan", "negative": True, "notified": True, "ended_at": NOW - 30 * DAY,
        },
        "facts": {"consents": [["pre-loan", "did:key:z6Mk2", "bank"]]},
        "args": {
            "query": {"purpose": "pre-loan"}, "dispute": {"statement": D[2]},
            "correct": {"commitment": D[3]},
        },
        "actors": {"query": "bank"},
        "paths": [
            "issue query dispute correct erase",
            "issue dispute escalate uphold lapse erase",
        ],
    },
    "city.case": {
        "controller": "desk",
        "body": {
            "number": "C-1", "reporter": "desk", "centre": "centre", "category": "water",
            "latitude": 20_020_000, "longitude": 110_330_000, "photos": [D[1]],
        },
        "args": {
            "refuse": WHY, "dispatch": {"to": "water", "days": 3}, "give_back": WHY,
            "extend": {"days": 2}, "send_back": WHY, "close": {"outcome": "fixed"}, "reopen": WHY,
        },
        "paths": [
            ("issue file dispatch give_back dispatch extend mark_overdue finish send_back finish"
            " close reopen"),
            "issue refuse",
            "issue file dispatch finish close settle",
        ],
    },
    "gov.dataset": {
        "controller": "tax",
        "body": {
            "name": "in-project wage tax status", "owner": "tax", "authority": "data-office",
            "descriptor": D[1], "class": "conditional", "refreshed_at": NOW - 9 * DAY,
        },
        "args": {
            "send_back": WHY, "refresh": {"at": NOW - DAY}, "claim_error": {"claim": D[2]},
            "reclassify": {"class": "open", "basis": "article 12"}, "take_off": WHY,
        },
        "paths": [
            "issue publish refresh reclassify claim_error escalate answer take_off",
            "issue send_back",
        ],
    },
    "gov.share": {
        "controller": "labour",
        "body": {
            "dataset": "d-1", "provider": "tax", "consumer": "labour", "authority": "data-office",
            "purpose": "wage check", "legal_basis": "article 21", "until": NOW + 90 * DAY,
            "terms": D[1],
        },
        "facts": {"linked": {"dataset": {"class": "conditional", "owner": "tax"}}},
        "args": {
            "request_again": {"terms": D[2]}, "make_offer": {"terms": D[3]},
            "take_offer": {"terms": D[3]}, "agree": {"agreement": D[4]},
            "verify": {"agreement": D[4]}, "deliver": {"to": "labour", "digest": D[5]},
            "use": {"count": 3}, "suspend": WHY, "refuse": WHY, "terminate": WHY,
        },
        "paths": [
            (
                "request make_offer take_offer agree verify finalize deliver use suspend resume"
                " complete"
            ),
            "propose request_again escalate refuse",
            "propose terminate",
            "request make_offer take_offer terminate",
            "request agree terminate",
            "request agree verify finalize terminate",
        ],
    },
    "data.lineage": {
        "controller": "owner",
        "body": {
            "digest": D[1], "name": "claims 2026", "owner": "owner", "run": "run-1",
            "inputs": [D[2]], "code": D[3], "rows": 1_000, "started_at": NOW - 2 * DAY,
            "ended_at": NOW - DAY, "licence": "CC-BY-4.0",
        },
        "args": {
            "certify": {"digest": D[1], "score": 9_200}, "uncertify": WHY,
            "deprecate": WHY,
        },
        "paths": ["issue certify uncertify deprecate"],
    },
    "ai.round": {
        "controller": "coordinator",
        "body": {
            "project": "lung", "number": 1, "key": "lung/1", "coordinator": "coordinator",
            "members": ["east", "north", "south"], "test_set": D[1], "evaluator": "evaluator",
            "close_by": NOW + DAY,
        },
        "args": {
            "aggregate": {"model": D[2], "inputs": [D[3], D[4], D[5]]},
            "evaluate": {"test_set": D[1], "score": 8_700},
            "close": {"contributions": [4_200, 3_300, 2_500]}, "give_up": WHY,
        },
        "actors": {
            "commit:2": "north", "commit:3": "south", "reveal:2": "north", "reveal:3": "south",
        },
        "paths": [
            ("issue commit commit:2 commit:3 stop_commits reveal reveal:2 reveal:3 stop_reveals"
            " aggregate evaluate close"),
            "issue time_out",
            "issue give_up",
        ],
    },
    "ai.model": {
        "controller": "owner",
        "body": {
            "manifest": D[1], "card": D[2], "name": "lung 1.0", "owner": "owner",
            "produce_id": "AIGC-1",
        },
        "args": {
            "assess": {"manifest": D[1], "score": 7_000}, "halt": WHY, "clear": WHY,
            "grant_licence": {
                "to": "clinic", "manifest": D[1], "card": D[2], "until": NOW + 300 * DAY,
            },
        },
        "paths": ["issue assess grant_licence halt clear retire"],
    },
    "labour.contract": {
        "controller": "sub",
        "body": {
            "worker": "did:key:z6Mk3", "agent": "wallet", "employer": "sub",
            "general_contractor": "gc", "project": "460000-2026-001", "team": "rebar",
            "trade": "fixer", "day_rate": 42_000, "document": D[1], "starts_at": NOW - DAY,
            "ends_at": NOW + 200 * DAY, "account": D[2], "key": "460000-2026-001/z6Mk3",
        },
        "facts": {"consents": [["employment", "did:key:z6Mk3", "sub"]]},
        "args": {"change_account": {"account": D[3]}, "review": {"score": 9_000}, "end": WHY},
        "paths": ["issue sign change_account enter review leave run_out", "issue end"],
    },
    "labour.attendance": {
        "controller": "gate",
        "body": {
            "contract": "c-1", "gate": "gate", "agent": "wallet", "leader": "sub",
            "day": NOW - DAY // 2, "key": "c-1/2026-11-18", "way": "card",
        },
        "facts": {"linked": {"contract": {"$state": "on_site"}}},
        "times": {
            "go_out": NOW + 540 * 60_000,
        },
        "args": {"write_up": {"minutes": 480}, "rewrite": {"minutes": 500}, "dispute": WHY},
        "paths": ["issue go_in go_out write_up dispute rewrite sign"],
    },
    "labour.payperiod": {
        "controller": "sub",
        "body": {
            "project": "460000-2026-001", "key": "460000-2026-001/rebar/2026-09",
            "subcontractor": "sub", "general_contractor": "gc", "owner": "builder", "bank": "bank",
            "agent": "wallet", "bureau": "bureau", "from": NOW - 31 * DAY, "until": NOW - DAY,
            "workers": 2, "special_account": D[1],
        },
        "args": {
            "draft": {"lines": [900_000, 860_000], "total": 1_760_000, "payroll": D[2]},
            "sign": {"payroll": D[2], "worker": "did:key:z6Mk4"},
            "sign:2": {"payroll": D[2], "worker": "did:key:z6Mk5"},
            "send_back": WHY, "fund": {"amount": 1_760_000, "account": D[1]},
            "pay": {"amount": 1_760_000, "purpose": "wages"},
            "advance": {"amount": 1_760_000}, "give_slips": {"count": 2},
        },
        "paths": [
            (
                "issue mark_overdue draft sign sign:2 hand_in send_back draft sign sign:2 hand_in"
                " check fund pay give_slips"
            ),
            "issue draft sign sign:2 hand_in check mark_overdue advance give_slips",
        ],
    },
    "recon.threeway": {
        "controller": "buyer",
        "body": {
            "key": "buyer/seller/2026-09", "buyer": "buyer", "seller": "seller",
            "arbiter": "arbiter", "from": NOW - 40 * DAY, "until": NOW - 10 * DAY,
            "tolerance": 100, "answer_by": NOW + 7 * DAY,
        },
        "args": {
            "commit_buyer": {"root": D[1]}, "commit_seller": {"root": D[2]},
            "reveal_buyer": {"root": D[1], "lines": [600, 400], "total": 1_000},
            "reveal_seller": {"root": D[2], "lines": [600, 450], "total": 1_050},
            "match": {"result": D[3]}, "differ": {"code": "QTY_DIFF"},
            "adjust": {"total": 1_020, "result": D[3]}, "dispute": WHY,
            "decide": {"total": 1_000}, "settle": {"amount": 1_000, "payment": "E2E-2"},
        },
        "paths": [
            "issue commit_buyer commit_seller reveal_buyer reveal_seller match settle",
            "issue commit_seller commit_buyer reveal_buyer reveal_seller differ dispute decide",
            "issue commit_seller commit_buyer reveal_buyer reveal_seller differ adjust",
            "issue time_out",
        ],
    },
    "recon.bank": {
        "controller": "payee",
        "body": {
            "end_to_end_id": "E2E-1", "payer": "payer", "payee": "payee", "bank": "bank",
            "amount": 1_000, "due_at": NOW + DAY,
        },
        "args": {
            "book": {"amount": 600, "entry": "s-2"}, "book_part": {"amount": 400, "entry": "s-1"},
            "book_over": {"amount": 1_001, "entry": "s-3"}, "put_right": WHY,
        },
        "paths": ["issue book_part mark_late book close", "issue book_over put_right"],
    },
}  # fmt: skip
"""By profile: who controls it at birth, its body, arguments by step, the rest of the chain."""
