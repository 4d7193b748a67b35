"""The rows that the sandbox starts with: the same for the same seed, on every machine."""

from __future__ import annotations

import random
import uuid
from datetime import UTC, date, datetime, timedelta

from .schema import CUSTOMER, ITEM, ORDER, Row

CUSTOMER_COUNT = 42
ORDER_COUNT = 3000
ITEM_COUNT = 2000
START_OF_TIME = datetime(2026, 1, 1, tzinfo=UTC)

CUSTOMERS: tuple[tuple[str, str, str], ...] = (
    ("O'Brien & Söhne GmbH", "Köln", "50667"),
    ("Müller's Bäckerei", "München", "80331"),
    ("Nordlicht Elektro AG", "Flensburg", "24937"),
    ("Adatum Werkzeuge", "Dresden", "01067"),
    ("Hansen & Partner", "Hamburg", "20095"),
    ("=1+1 Trading", "Bremen", "28195"),
    ("Café Søndergaard", "Kopenhagen", "1050"),
    ("Weingut Öhlmann", "Mainz", "55116"),
    ("Łódź Textil Sp. z o.o.", "Łódź", "90-001"),
    ("Schreinerei Groß", "Leipzig", "04109"),
    ("D'Angelo Feinkost", "Frankfurt am Main", "60311"),
    ("Blumen 🌷 Vogel", "Erfurt", "99084"),
    ("Kessler Maschinenbau KG", "Chemnitz", "09111"),
    ("Relecloud Hosting", "Dublin", "D02 X285"),
    ("Bäder & Böden Jäger", "Nürnberg", "90402"),
    ("Trey Research", "Zürich", "8001"),
    ("Fischhandel Petersen", "Rostock", "18055"),
    ("Ångström Instruments AB", "Göteborg", "411 06"),
    ("Brauhaus zum Löwen", "Bamberg", "96047"),
    ("Spedition Thaler", "Innsbruck", "6020"),
    ("Lehmann Papier", "Halle (Saale)", "06108"),
    ("Graphic Design Institute", "Berlin", "10117"),
    ("Van den Berg Logistiek", "Rotterdam", "3011"),
    ("Sonnenhof Apotheke", "Stuttgart", "70173"),
    ("Crème Brûlée Pâtisserie", "Straßburg", "67000"),
    ("Alpine Ski House", "Garmisch", "82467"),
    ("Zimmerei Kröger & Töchter", "Lübeck", "23552"),
    ("First Up Consultants", "Düsseldorf", "40213"),
    ('Möbel "Heimat" Wagner', "Kassel", "34117"),
    ("Tailspin Toys", "Wien", "1010"),
    ("Optik Adler, Inh. S. Adler", "Gera", "07545"),
    ("Wide World Importers", "Antwerpen", "2000"),
    ("Hofladen Niemann", "Oldenburg", "26122"),
    ("Contoso Pharma", "Basel", "4001"),
    ("Fahrrad-Werk Nord", "Kiel", "24103"),
    ("Proseware", "Luxemburg", "1111"),
    ("Imkerei Süßmilch", "Görlitz", "02826"),
    ("Lucerne Publishing", "Luzern", "6003"),
    ("Stahlhandel Řezníček", "Brünn", "602 00"),
    ("Margie's Travel", "Aachen", "52062"),
    ("Gärtnerei Blütenzauber", "Weimar", "99423"),
    ("Fabrikam Druck", "Cottbus", "03046"),
)

CURRENCIES = {"Kopenhagen": "DKK", "Łódź": "PLN", "Zürich": "CHF", "Göteborg": "SEK", "Basel": "CHF", "Luzern": "CHF"}
STATUSES = ("open", "released", "shipped", "invoiced")
CATEGORIES = ("Furniture", "Electronics", "Tools", "Office", "Food")
THINGS = ("Desk", "Lamp", "Drill", "Chair", "Cable", "Notebook", "Shelf", "Coffee", "Monitor", "Screw set")
LOOKS = ("oak", "walnut", "blue", "black", '19"', "compact", "L'Étoile", "heavy-duty", "refurbished", "50 % recycled")


def build_rows(seed: int) -> dict[str, list[Row]]:
    """The rows of every entity set by its name, detail properties included."""
    source = random.Random(seed)  # noqa: S311  test data, not cryptography
    items = [_item(source, number) for number in range(ITEM_COUNT)]
    orders = [_order(source, number, items) for number in range(ORDER_COUNT)]
    counts: dict[str, int] = {}
    for order in orders:
        counts[order["customerNo"]] = counts.get(order["customerNo"], 0) + 1
    customers = [_customer(source, number, counts) for number in range(CUSTOMER_COUNT)]
    return {"customers": customers, "orders": orders, "items": items}


def timestamp(minutes: int) -> str:
    """A UTC time so many minutes after the sandbox's start of time, as OData writes it."""
    return (START_OF_TIME + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _customer(source: random.Random, number: int, counts: dict[str, int]) -> Row:
    name, city, postal_code = CUSTOMERS[number]
    no = CUSTOMER.key_of(number)
    return {
        "no": no,
        "id": _guid(source),
        "name": name,
        "city": city,
        "postalCode": postal_code,
        "email": None if number % 7 == 3 else f"orders@customer-{number + 1:02d}.example",
        "balance": source.randrange(-50_000, 2_500_000) / 100,
        "currency": CURRENCIES.get(city, "EUR"),
        "creditLimit": None,
        "blocked": number % 11 == 8,
        "createdOn": _day(source),
        "lastModified": timestamp(number),
        "orderCount": counts.get(no, 0),
        "externalId": None,
    }


def _order(source: random.Random, number: int, items: list[Row]) -> Row:
    city = CUSTOMERS[number % CUSTOMER_COUNT][1]
    item = items[source.randrange(len(items))]
    quantity = source.randrange(1, 40)
    return {
        "no": ORDER.key_of(number),
        "id": _guid(source),
        "customerNo": CUSTOMER.key_of(number % CUSTOMER_COUNT),
        "itemNo": item["no"],
        "quantity": quantity,
        "amount": round(quantity * item["unitPrice"], 2),
        "currency": CURRENCIES.get(city, "EUR"),
        "status": source.choice(STATUSES),
        "orderDate": _day(source),
        "lastModified": timestamp(number),
        "externalId": None,
    }


def _item(source: random.Random, number: int) -> Row:
    return {
        "no": ITEM.key_of(number),
        "id": _guid(source),
        "description": f"{source.choice(THINGS)}, {source.choice(LOOKS)}",
        "category": source.choice(CATEGORIES),
        "unitPrice": source.randrange(99, 99_999) / 100,
        "inventory": source.randrange(0, 900),
        "blocked": source.random() < 0.03,
        "barcode": f"{source.randrange(10**9):013d}",
        "lastModified": timestamp(number),
        "externalId": None,
    }


def _guid(source: random.Random) -> str:
    return str(uuid.UUID(int=source.getrandbits(128), version=4))


def _day(source: random.Random) -> str:
    return (date(2024, 1, 1) + timedelta(days=source.randrange(700))).isoformat()
