"""Sixty-two programs as models write them for a research question: they have to work.

Each has a part of its output that only a right run prints. `needs` names a library that may not be
installed; everything else is always there.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordinary:
    """One program."""

    name: str
    code: str
    out: str
    needs: str = ""


def _made(name: str, code: str, out: str, *, needs: str = "") -> Ordinary:
    return Ordinary(name=name, code=code.strip("\n"), out=out, needs=needs)


ORDINARY = (
    # ------------------------------------------------------------------ the language
    _made("arithmetic", "population = 2_148_000\narea = 105.4\nprint(f'{population / area:,.1f} per km2')", "20,379.5 per km2"),
    _made("large integers", "print(len(str(2 ** 4096)), 17 ** 31 % 1000)", "1234 433"),
    _made("functions that call functions", """
def is_leap(year):
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)

def days(year):
    return 366 if is_leap(year) else 365

def between(a, b):
    return sum(days(y) for y in range(a, b))

print(between(1900, 2000))
""", "36524"),
    _made("recursion", """
from functools import lru_cache

@lru_cache(maxsize=None)
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)

print(fib(90))
""", "2880067194370816120"),
    _made("comprehensions over globals", """
heights = {'Everest': 8849, 'K2': 8611, 'Lhotse': 8516}
limit = 8600
tall = [name for name in heights if heights[name] > limit]
print(sorted(tall, key=lambda n: -heights[n]), {k: v / 1000 for k, v in heights.items()}['K2'])
""", "['Everest', 'K2'] 8.611"),
    _made("classes and inheritance", """
class Shape:
    def area(self):
        raise NotImplementedError
    def __str__(self):
        return f'{type(self).__name__}({self.area():.2f})'

class Circle(Shape):
    def __init__(self, r):
        self.r = r
    def area(self):
        return 3.14159265 * self.r ** 2

class Square(Shape):
    def __init__(self, a):
        self.a = a
    def area(self):
        return self.a ** 2

for shape in (Circle(2), Square(3)):
    print(shape)
""", "Circle(12.57)\nSquare(9.00)"),
    _made("properties and operators", """
class Vec:
    __slots__ = ('x', 'y')
    def __init__(self, x, y): self.x, self.y = x, y
    def __add__(self, o): return Vec(self.x + o.x, self.y + o.y)
    def __repr__(self): return f'Vec({self.x}, {self.y})'
    @property
    def length(self): return (self.x ** 2 + self.y ** 2) ** .5
print(Vec(1, 2) + Vec(2, 2), (Vec(1, 2) + Vec(2, 2)).length)
""", "Vec(3, 4) 5.0"),
    _made("generators", """
def primes():
    found = []
    n = 2
    while True:
        if all(n % p for p in found):
            found.append(n)
            yield n
        n += 1

from itertools import islice, takewhile
print(list(islice(primes(), 10)), sum(takewhile(lambda p: p < 100, primes())))
""", "[2, 3, 5, 7, 11, 13, 17, 19, 23, 29] 1060"),
    _made("exceptions and finally", """
def parse(text):
    try:
        return int(text)
    except ValueError as error:
        return f'bad: {error.args[0][:20]}'
    finally:
        print('parsed', text)
print(parse('12'), parse('x'))
""", "12 bad: invalid literal for"),
    _made("context managers", """
from contextlib import contextmanager
@contextmanager
def section(name):
    print('<', name)
    yield name.upper()
    print('>', name)
with section('a') as a, section('b') as b:
    print(a + b)
""", "< a\n< b\nAB\n> b\n> a"),
    _made("decorators", """
import functools, time
def timed(f):
    @functools.wraps(f)
    def inner(*args, **kwargs):
        start = time.perf_counter()
        out = f(*args, **kwargs)
        assert time.perf_counter() >= start
        return out
    return inner
@timed
def square(x):
    return x * x
print(square.__name__, square(12))
""", "square 144"),
    _made("pattern matching", """
def tell(event):
    match event:
        case {'kind': 'move', 'to': [x, y]}:
            return f'to {x},{y}'
        case [first, *rest]:
            return f'{first} and {len(rest)} more'
        case str() as text if text.isdigit():
            return 'a number'
        case _:
            return 'else'
print([tell(e) for e in ({'kind': 'move', 'to': [1, 2]}, [1, 2, 3], '42', None)])
""", "['to 1,2', '1 and 2 more', 'a number', 'else']"),
    _made("walrus and f-strings", "text = 'a1b22c333'\nimport re\nif (m := re.search(r'\\d{3}', text)):\n    print(f'{m.group()=} {m.start():>4}')", "m.group()='333'    6"),
    _made("unicode", "s = 'Zürich é 東京'\nimport unicodedata\nprint(len(s), unicodedata.name(s[-1]), s.encode('utf-8')[-3:].hex(), s.casefold())", "11 CJK UNIFIED IDEOGRAPH-4EAC e4baac zürich é 東京"),
    _made("script with a main", """
import sys
def main(argv=None):
    print('args', len(sys.argv))
    return 0
if __name__ == '__main__':
    sys.exit(main())
""", "args 1"),
    _made("asking for input that is not there", "try:\n    name = input('name? ')\nexcept EOFError:\n    name = 'nobody'\nprint(name)", "nobody"),
    _made("coroutines as objects", """
async def add(a, b):
    return a + b
c = add(2, 3)
try:
    c.send(None)
except StopIteration as stop:
    print(stop.value)
""", "5"),
    _made("threads", """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(max_workers=4) as pool:
    print(list(pool.map(lambda n: n ** 2, range(6))))
""", "[0, 1, 4, 9, 16, 25]"),
    _made("threads that nobody joins", """
import threading, time
def work(n):
    time.sleep(0.1)
    print('done', n)
for n in range(2):
    threading.Thread(target=work, args=(n,)).start()
""", "done"),
    _made("a pool that nobody closes", """
from concurrent.futures import ThreadPoolExecutor
pool = ThreadPoolExecutor(2)
print(sum(f.result() for f in [pool.submit(pow, 2, n) for n in range(5)]))
""", "31"),
    _made("standard error beside output", "import sys\nprint('warning', file=sys.stderr)\nprint('result', flush=True)", "result"),
    # ------------------------------------------------------------------ the standard library
    _made("days between dates", "from datetime import date, timedelta\nborn = date(1879, 3, 14)\ndied = date(1955, 4, 18)\nprint((died - born).days, (born + timedelta(weeks=1000)).isoformat(), born.strftime('%A'))", "27793 1898-05-13 Friday"),
    _made("parsing dates", "from datetime import datetime\nfor t in ('2024-02-29', '2023-12-31'):\n    d = datetime.strptime(t, '%Y-%m-%d')\n    print(d.timetuple().tm_yday, d.isocalendar().week)", "60 9\n365 52"),
    _made("time zones", "from zoneinfo import ZoneInfo\nfrom datetime import datetime\nt = datetime(2024, 7, 20, 20, 17, tzinfo=ZoneInfo('UTC'))\nprint(t.astimezone(ZoneInfo('Asia/Tokyo')).isoformat())", "2024-07-21T05:17:00+09:00"),
    _made("calendar", "import calendar\nprint(calendar.monthrange(2024, 2), calendar.isleap(1900), calendar.day_name[calendar.weekday(1969, 7, 20)])", "29) False Sunday"),
    _made("regular expressions", """
import re
pattern = re.compile(r'(?P<year>(?:18|19|20)\\d{2})')
text = 'Built 1889, rebuilt in 1957 and 2011; room 3021.'
print([m['year'] for m in pattern.finditer(text)], re.sub(r'\\s+', ' ', 'a   b\\n c'), re.split(r'[,;]\\s*', 'a, b;c'))
""", "['1889', '1957', '2011'] a b c ['a', 'b', 'c']"),
    _made("counting words", """
from collections import Counter, defaultdict, deque, namedtuple
words = 'the cat and the dog and the bird'.split()
by = defaultdict(list)
for w in words: by[len(w)].append(w)
Pair = namedtuple('Pair', 'a b')
print(Counter(words).most_common(2), sorted(by), deque([1, 2, 3], maxlen=2), Pair(1, 2).b)
""", "[('the', 3), ('and', 2)] [3, 4] deque([2, 3], maxlen=2) 2"),
    _made("itertools", "from itertools import groupby, product, combinations, accumulate, chain\nprint([(k, len(list(g))) for k, g in groupby('aaabbc')], len(list(product('ab', repeat=3))), len(list(combinations(range(6), 3))), list(accumulate([1, 2, 3])))", "[('a', 3), ('b', 2), ('c', 1)] 8 20 [1, 3, 6]"),
    _made("statistics", "import statistics as st\nx = [2, 4, 4, 4, 5, 5, 7, 9]\nprint(st.mean(x), st.pstdev(x), st.median(x), st.mode(x), round(st.correlation(x, x[::-1]), 3))", "5 2.0 4.5 4"),
    _made("exact decimals", "from decimal import Decimal, getcontext\ngetcontext().prec = 30\nprint(Decimal('0.1') + Decimal('0.2'), Decimal(2).sqrt())", "0.3 1.41421356237309504880168872421"),
    _made("fractions", "from fractions import Fraction as F\nprint(sum(F(1, n) for n in range(1, 11)), F('0.125'))", "7381/2520 1/8"),
    _made("number theory", "import math\nprint(math.gcd(84, 126), math.lcm(4, 6), math.comb(52, 5), math.isqrt(10**10), math.factorial(20), round(math.dist((0, 0), (3, 4)), 1))", "42 12 2598960 100000 2432902008176640000 5.0"),
    _made("distance on the globe", """
from math import radians, sin, cos, asin, sqrt
def haversine(a, b):
    (la1, lo1), (la2, lo2) = [tuple(map(radians, p)) for p in (a, b)]
    h = sin((la2 - la1) / 2) ** 2 + cos(la1) * cos(la2) * sin((lo2 - lo1) / 2) ** 2
    return 2 * 6371 * asin(sqrt(h))
print(round(haversine((48.8566, 2.3522), (51.5074, -0.1278))))
""", "344"),
    _made("json", "import json\nd = json.loads('{\"a\": [1, 2.5, null, true], \"b\": \"\\\\u00e9\"}')\nprint(d['a'][2], json.dumps(d, sort_keys=True, ensure_ascii=False))", 'None {"a": [1, 2.5, null, true], "b": "é"}'),
    _made("csv", """
import csv, io
table = '''city,country,pop
Paris,France,2102650
"Washington, D.C.",USA,689545
'''
rows = list(csv.DictReader(io.StringIO(table)))
print(rows[1]['city'], sum(int(r['pop']) for r in rows))
out = io.StringIO()
csv.writer(out).writerow(['a,b', 'c'])
print(out.getvalue().strip())
""", 'Washington, D.C. 2792195\n"a,b",c'),
    _made("dataclasses and enums", """
from dataclasses import dataclass, field, asdict
from enum import Enum
class Kind(Enum):
    BRIDGE = 'bridge'
    TOWER = 'tower'
@dataclass(order=True)
class Building:
    height: float
    name: str = field(compare=False)
    kind: Kind = field(default=Kind.TOWER, compare=False)
print(max(Building(330, 'Eiffel'), Building(828, 'Burj')).name, asdict(Building(1, 'x'))['kind'].value)
""", "Burj tower"),
    _made("heaps and bisection", """
import heapq, bisect
graph = {'a': {'b': 7, 'c': 3}, 'b': {'d': 1}, 'c': {'b': 1, 'd': 8}, 'd': {}}
def shortest(start, end):
    queue, seen = [(0, start)], set()
    while queue:
        cost, node = heapq.heappop(queue)
        if node == end: return cost
        if node in seen: continue
        seen.add(node)
        for n, c in graph[node].items(): heapq.heappush(queue, (cost + c, n))
print(shortest('a', 'd'), bisect.bisect([1, 3, 5], 4))
""", "5 2"),
    _made("random with a seed", "import random\nrng = random.Random(42)\nprint(rng.randint(1, 100), rng.sample(range(10), 3), random.choice([7]))", "82 [1, 0, 4] 7"),
    _made("text wrapped and compared", "import textwrap, difflib, string\nprint(textwrap.fill('word ' * 10, 20).count('\\n'), difflib.get_close_matches('appel', ['ape', 'apple', 'peach']), round(difflib.SequenceMatcher(None, 'abcd', 'bcde').ratio(), 2), string.ascii_lowercase[:3])", "2 ['apple', 'ape'] 0.75 abc"),
    _made("hashes and encodings", "import hashlib, base64, binascii, zlib, urllib.parse as u, html\nprint(hashlib.sha256(b'abc').hexdigest()[:12], base64.b64encode(b'hi').decode(), zlib.crc32(b'x'), u.quote('a b/é'), html.unescape('&eacute;'), zlib.decompress(zlib.compress(b'ok')))", "ba7816bf8f01 aGk= 2363233923 a%20b/%C3%A9 é b'ok'"),
    _made("xml", "import xml.etree.ElementTree as ET\nroot = ET.fromstring('<r><i n=\"1\">a</i><i n=\"2\">b</i></r>')\nprint([(i.get('n'), i.text) for i in root.iter('i')])", "[('1', 'a'), ('2', 'b')]"),
    _made("html", """
from html.parser import HTMLParser
class Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.links = []
    def handle_starttag(self, tag, attrs):
        if tag == 'a': self.links.append(dict(attrs).get('href'))
p = Links()
p.feed('<p><a href="/x">x</a><a href="/y">y</a>')
print(p.links)
""", "['/x', '/y']"),
    _made("sqlite", """
import sqlite3
con = sqlite3.connect('t.db')
con.execute('create table t(name text, n int)')
con.executemany('insert into t values (?, ?)', [('a', 1), ('b', 2), ('a', 5)])
con.commit()
print(con.execute('select name, sum(n) from t group by name order by 1').fetchall())
""", "[('a', 6), ('b', 2)]"),
    _made("files and folders", """
import os, pathlib, tempfile, shutil
p = pathlib.Path('data')
p.mkdir()
(p / 'a.txt').write_text('hello\\nworld\\n')
with open(p / 'a.txt') as f:
    lines = [line.strip() for line in f]
shutil.copyfile(p / 'a.txt', p / 'b.txt')
with tempfile.NamedTemporaryFile('w+') as t:
    t.write('x'); t.flush()
    print(lines, sorted(x.name for x in p.glob('*.txt')), os.path.getsize(t.name))
""", "['hello', 'world'] ['a.txt', 'b.txt'] 1"),
    _made("archives", "import zipfile, io\nb = io.BytesIO()\nwith zipfile.ZipFile(b, 'w', zipfile.ZIP_DEFLATED) as z: z.writestr('a.txt', 'x' * 1000)\nprint(zipfile.ZipFile(b).namelist(), len(zipfile.ZipFile(b).read('a.txt')), len(b.getvalue()) < 500)", "['a.txt'] 1000 True"),
    _made("roman numerals", """
def roman(n):
    out = ''
    for value, sign in zip((1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1),
                           'M CM D CD C XC L XL X IX V IV I'.split()):
        out += sign * (n // value)
        n %= value
    return out
print(roman(1889), roman(2024))
""", "MDCCCLXXXIX MMXXIV"),
    # ------------------------------------------------------------------ numpy
    _made("numpy algebra", "import numpy as np\na = np.array([[3., 1], [1, 2]])\nprint(np.linalg.solve(a, [9, 8]), round(np.linalg.det(a)), np.linalg.eigvalsh(a).round(3), (a @ np.linalg.inv(a)).round(6).tolist())", "[2. 3.] 5 [1.382 3.618] [[1.0, 0.0], [0.0, 1.0]]"),
    _made("numpy statistics", "import numpy as np\nrng = np.random.default_rng(0)\nx = rng.normal(10, 2, 100_000)\nprint(round(float(x.mean()), 1), round(float(x.std()), 1), np.percentile(np.arange(101), [25, 50, 75]), np.corrcoef([1, 2, 3], [2, 4, 6])[0, 1].round(3))", "10.0 2.0 [25. 50. 75.] 1.0"),
    _made("numpy fitting", "import numpy as np\nx = np.array([0, 1, 2, 3, 4])\ny = 3 * x + 2\nprint(np.polyfit(x, y, 1).round(6), np.interp(2.5, x, y), np.trapezoid(y, x) if hasattr(np, 'trapezoid') else np.trapz(y, x))", "[3. 2.] 9.5 32.0"),
    _made("numpy signals", "import numpy as np\nt = np.linspace(0, 1, 256, endpoint=False)\ns = np.sin(2 * np.pi * 32 * t)\nprint(int(np.abs(np.fft.rfft(s)).argmax()), np.convolve([1, 2, 3], [0, 1]).tolist(), np.where(s > .99)[0].size > 0)", "32 [0, 1, 2, 3] True"),
    _made("numpy files", "import numpy as np\nnp.save('a.npy', np.eye(3))\nnp.savetxt('a.csv', np.eye(2), delimiter=',')\nprint(np.load('a.npy').sum(), np.loadtxt('a.csv', delimiter=',').shape)", "3.0 (2, 2)"),
    # ------------------------------------------------------------------ pandas
    _made("pandas groups", """
import pandas as pd
df = pd.DataFrame({'team': ['a', 'b', 'a', 'b'], 'year': [2020, 2020, 2021, 2021], 'goals': [3, 5, 4, 1]})
print(df.groupby('team')['goals'].agg(['sum', 'max']))
print(df.pivot_table(index='team', columns='year', values='goals').loc['b', 2021])
print(df.sort_values('goals').iloc[-1]['team'], df.query('goals > 3').shape)
""", "b       6    5\n1.0\nb (2, 3)", needs="pandas"),
    _made("pandas from text", """
import io
import pandas as pd
df = pd.read_csv(io.StringIO('date,v\\n2024-01-31,1\\n2024-02-29,3\\n2024-03-31,5'), parse_dates=['date'])
df['month'] = df['date'].dt.month_name()
print(df.set_index('date')['v'].diff().tolist()[1:], df['month'].tolist(), df.describe().loc['mean', 'v'])
""", "[2.0, 2.0] ['January', 'February', 'March'] 3.0", needs="pandas"),
    _made("pandas joins", """
import pandas as pd
a = pd.DataFrame({'k': [1, 2, 3], 'x': list('abc')})
b = pd.DataFrame({'k': [2, 3, 4], 'y': [20., None, 40]})
m = a.merge(b, on='k', how='outer', indicator=True)
print(m['_merge'].value_counts()['both'], m['y'].fillna(0).sum(), pd.concat([a, a]).shape, m.to_dict('records')[0]['x'])
m.to_csv('m.csv', index=False); m.to_json('m.json')
print(pd.read_csv('m.csv').shape)
""", "2 60.0 (6, 2) a\n(4, 4)", needs="pandas"),
    _made("pandas strings and time", "import pandas as pd\ns = pd.Series(['Paris (FR)', 'Rome (IT)'])\nprint(s.str.extract(r'\\((\\w+)\\)')[0].tolist(), pd.date_range('2024-01-01', periods=4, freq='D')[-1].date(), pd.to_datetime('3 May 1999').dayofweek, s.apply(len).max())", "['FR', 'IT'] 2024-01-04 0 10", needs="pandas"),
    # ------------------------------------------------------------------ sympy
    _made("sympy equations", "from sympy import symbols, solve, Eq\nx, y = symbols('x y')\nprint(solve([Eq(2 * x + y, 7), Eq(x - y, -1)], [x, y]), solve(x**3 - 6 * x**2 + 11 * x - 6, x))", "{x: 2, y: 3} [1, 2, 3]", needs="sympy"),
    _made("sympy calculus", "import sympy as sp\nx = sp.symbols('x')\nprint(sp.diff(sp.sin(x) * sp.exp(x), x).subs(x, 0), sp.integrate(1 / (1 + x**2), (x, 0, 1)), sp.limit(sp.sin(x) / x, x, 0), sp.series(sp.exp(x), x, 0, 3))", "1 pi/4 1 1 + x + x**2/2 + O(x**3)", needs="sympy"),
    _made("sympy numbers", "import sympy\nprint(sympy.factorint(360360), sympy.isprime(2**31 - 1), sympy.nextprime(1000), sympy.N(sympy.pi, 30), sympy.simplify('sin(x)**2 + cos(x)**2'), sympy.Matrix([[1, 2], [3, 4]]).det())", "{2: 3, 3: 2, 5: 1, 7: 1, 11: 1, 13: 1} True 1009 3.14159265358979323846264338328 1 -2", needs="sympy"),
    # ------------------------------------------------------------------ Pillow
    _made("Pillow drawing", """
from PIL import Image, ImageDraw, ImageFont
im = Image.new('RGB', (200, 100), 'white')
d = ImageDraw.Draw(im)
d.rectangle([20, 20, 80, 80], fill='red', outline='black')
d.ellipse([100, 20, 160, 80], fill=(0, 0, 255))
d.line([(0, 99), (199, 0)], fill='green', width=3)
d.text((5, 5), 'plot', fill='black', font=ImageFont.load_default())
im.save('plot.png')
print(Image.open('plot.png').size, im.getpixel((50, 50)), im.getpixel((130, 40)))
""", "(200, 100) (255, 0, 0) (0, 0, 255)"),
    _made("Pillow changes", """
from PIL import Image, ImageFilter, ImageOps, ImageEnhance
im = Image.linear_gradient('L').resize((64, 64))
print(im.rotate(90).size, ImageOps.invert(im).size, im.filter(ImageFilter.GaussianBlur(2)).size, im.crop((0, 0, 10, 20)).size, sum(im.histogram()), ImageEnhance.Contrast(im).enhance(2).mode)
im.convert('RGB').save('x.jpg', quality=80); im.save('x.webp')
print(Image.open('x.jpg').format, Image.open('x.webp').format)
""", "(64, 64) (64, 64) (64, 64) (10, 20) 4096 L\nJPEG WEBP"),
    _made("Pillow and numpy", "import numpy as np\nfrom PIL import Image\na = np.zeros((40, 60, 3), np.uint8)\na[10:20, 5:25] = (200, 100, 0)\nim = Image.fromarray(a)\nb = np.asarray(im.convert('L'))\nprint(im.size, (b > 0).sum(), im.getbbox())", "(60, 40) 200 (5, 10, 25, 20)"),
    _made("a bar chart without a plotting library", """
from PIL import Image, ImageDraw
values = {'2021': 3, '2022': 7, '2023': 5}
im = Image.new('RGB', (40 * len(values) + 20, 120), 'white')
draw = ImageDraw.Draw(im)
for i, (year, v) in enumerate(values.items()):
    draw.rectangle([20 + 40 * i, 100 - 10 * v, 45 + 40 * i, 100], fill='steelblue')
    draw.text((20 + 40 * i, 104), year, fill='black')
im.save('chart.png')
print('saved', im.size)
""", "saved (140, 120)"),
)  # fmt: skip
