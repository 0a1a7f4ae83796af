// Contrast (WCAG 2) of each text in the output areas with what is behind it: [ratio, the text's beginning].
() => {
    const channel = c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
    // "rgb(r g b / a)", or what color-mix() gives: "color(srgb r g b / a)" with shares of 1
    const scale = text => text.startsWith("color(srgb") ? 255 : 1;
    const numbers = text => text.match(/[\d.]+/g).map((found, place) => Number(found) * (place < 3 ? scale(text) : 1));
    const paper = element => {
        for (let e = element; e; e = e.parentElement) {
            const [r, g, b, a = 1] = numbers(getComputedStyle(e).backgroundColor);
            if (a > 0.5) return [r, g, b];
        }
        return [255, 255, 255];
    };
    const found = [];
    for (const area of document.querySelectorAll(".jp-OutputArea-output")) {
        const walker = document.createTreeWalker(area, NodeFilter.SHOW_TEXT);
        while (walker.nextNode()) {
            const element = walker.currentNode.parentElement;
            const text = walker.currentNode.textContent.trim();
            const isShown = element.checkVisibility() && !element.closest("[aria-hidden=true], svg, mjx-container");
            if (text.length < 3 || !isShown || element.disabled) continue;
            const lights = [light(numbers(getComputedStyle(element).color)), light(paper(element))];
            lights.sort((x, y) => y - x);
            found.push([(lights[0] + 0.05) / (lights[1] + 0.05), text.slice(0, 60)]);
        }
    }
    return found;
}
